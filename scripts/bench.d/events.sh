# What follows the log of events: the feed page by page, and the streams. A part of scripts/bench.

events() {
    feed
    delays
    idle_streams
}

feed() {
    fresh_database
    start_service
    say 'storing 300,000 events'
    sql -f scripts/bench.d/log.sql
    say 'walking through the feed'
    python3 scripts/bench.d/feed.py "$url"
    echo
}

delays() {
    local writer result successes errors microseconds rate rest
    fresh_database
    start_service
    writer=$url
    say 'creates, connections: 16'
    load 16 2 create >/dev/null
    result=$(load 16 "$seconds" create)
    read -r successes errors microseconds rest <<<"$result"
    [ "$errors" = 0 ] || fail "$errors errors: $(grep -m 1 ' ERROR ' "$scratch/log" || echo 'none in the log')"
    rate=$((successes * 1000000 / microseconds / 2))
    printf '| a stream of | writes/s | delay from | p50 ms | p99 ms | max ms |\n|---|--:|---|--:|--:|--:|\n'
    say "half of that rate, $rate/s, and a stream of the same instance"
    python3 scripts/bench.d/delay.py "the writer's instance" "$writer" "$url" "$rate" "$seconds"
    start_service
    say "$rate/s, and a stream of another instance"
    python3 scripts/bench.d/delay.py 'another instance' "$writer" "$url" "$rate" "$seconds"
    echo
    cat <<END
The writes come at half of the rate that 16 connections got to just before. An event that came before the answer counts as 0.

END
}

idle_streams() {
    fresh_database
    # For both sides: the usual 1024 are too few.
    ulimit -Sn 4096
    start_service
    say 'opening 1,000 streams'
    python3 scripts/bench.d/idle_streams.py "$url" "$service"
    echo
}
