# shellcheck shell=bash
# shellcheck disable=SC2154 # scripts/bench and service.sh set the variables
# Consumers of the event log: the feed page by page, and the streams. A part of scripts/bench.

events() {
    feed
    delays
    idle_streams
    relay
}

feed() {
    fresh_database
    start_service
    say 'storing 300,000 events'
    sql -f scripts/bench.d/log.sql
    say 'reading the feed'
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
    say "half of that rate, $rate/s, with a stream from the same instance"
    python3 scripts/bench.d/delay.py "the writer's instance" "$writer" "$url" "$rate" "$seconds"
    start_service
    say "$rate/s, with a stream from another instance"
    python3 scripts/bench.d/delay.py 'another instance' "$writer" "$url" "$rate" "$seconds"
    echo
    cat <<END
The writes come at half of the rate that 16 connections reached just before. An event that arrives before the response counts as 0.

END
}

idle_streams() {
    fresh_database
    # For the client and the service: the usual limit of 1024 is too low.
    ulimit -Sn 4096
    start_service
    say 'opening 1,000 streams'
    python3 scripts/bench.d/idle_streams.py "$url" "$service"
    echo
}
