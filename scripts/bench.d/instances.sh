# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # scripts/bench and service.sh set and use the variables
# Two instances on one database, compared with one. A part of scripts/bench.

instances() {
    fresh_database
    : >"$scratch/cells"
    # They alternate, so that other load on the machine slows both.
    for _ in 1 2; do
        measure_instances 1
        measure_instances 2
    done
    stop_services
    awk '
        { rate[NR] = $3; instances[NR] = $1; row[NR] = sprintf("%.2f | %.2f | %.2f | %d", $4, $5, $6, $2) }
        { sum[$1] += $3; runs[$1]++ }
        END {
            print "| instances | requests/s together | p50 ms | p99 ms | max ms | errors | ratio to one |"
            print "|--:|--:|--:|--:|--:|--:|--:|"
            one = sum[1] / runs[1]
            for (i = 1; i <= NR; i++) printf "| %d | %.0f | %s | %.2f |\n", instances[i], rate[i], row[i], rate[i] / one
            printf "\n`POST /orders` with `Idempotency-Key` by 64 connections, 32 to each of two instances."
            printf " On average, two instances reach %.2f of the rate of one.\n\n", sum[2] / runs[2] / one
        }
    ' "$scratch/cells"
}

# measure_instances 1|2: in both cases with two clients of 32 connections each.
measure_instances() {
    local count=$1 first begun successes errors rest
    stop_services
    start_service
    first=$url
    if [ "$count" = 2 ]; then start_service; fi
    say "instances: $count"
    two_loads "$first" "$url" 1 >/dev/null
    begun=$(date +%s%3N)
    # The greater of two percentiles is a bound for both.
    two_loads "$first" "$url" "$seconds" | awk -v count="$count" '
        function more(a, b) { return a > b ? a : b }
        { successes += $1; errors += $2; rate += $1 / ($3 / 1e6) }
        { p50 = more(p50, $4); p99 = more(p99, $5); longest = more(longest, $6) }
        END { print count, errors, rate, p50 / 1000, p99 / 1000, longest / 1000, successes }
    ' >>"$scratch/cells"
    read -r _ errors _ _ _ _ successes < <(tail -n 1 "$scratch/cells")
    check keyed 64 "$successes" "$begun"
    if [ "$errors" != 0 ]; then say "$errors errors: $(grep -m 1 ' ERROR ' "$scratch/log" || echo 'none in the log')"; fi
}

# two_loads URL URL SECONDS: prints the output of `load` twice.
two_loads() {
    local duration=$3 first second threads=1
    url=$1 load 32 "$duration" keyed >"$scratch/load-1" &
    first=$!
    url=$2 load 32 "$duration" keyed >"$scratch/load-2" &
    second=$!
    wait "$first"
    wait "$second"
    cat "$scratch/load-1" "$scratch/load-2"
}
