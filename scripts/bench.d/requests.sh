# Requests to the service and, in between, the same work as bare SQL by pgbench: in one database, in the same minutes.
# A part of scripts/bench.

# Clients of pgbench: more of them wait for each other more than they add on a machine of few cores.
clients=8

stored() { sql -c "select count(*) from orders where tenant_id <> 'pgbench'"; }

# measure WORK CONNECTIONS: the service.
measure() {
    local work=$1 connections=$2 before result successes errors rest
    say "$work, connections: $connections"
    before=$(stored)
    result=$(load "$connections" "$seconds" "$work" "$scratch/ids")
    kill -0 "$service" 2>/dev/null || fail "The service ended: $(tail -n 5 "$scratch/log")"
    read -r successes errors rest <<<"$result"
    # wrk takes any answer below 400 for a success; the database knows better.
    if [ "$work" = create ] && [ "$(($(stored) - before))" -lt "$successes" ]; then
        fail "wrk counts $successes orders created, the database has $before before and $(stored) after"
    fi
    if [ "$errors" != 0 ]; then say "$errors errors: $(grep -m 1 ' ERROR ' "$scratch/log" || echo 'none in the log')"; fi
    # The access log of a whole run would be hundreds of megabytes.
    : >"$scratch/log"
    printf 'service %s %s %s\n' "$work" "$connections" "$result" >>"$scratch/cells"
}

# measure_sql WORK: pgbench.
measure_sql() {
    local work=$1
    say "$work, pgbench"
    database pgbench -n -M prepared -c "$clients" -j 2 -T "$seconds" -f "scripts/bench.d/$work.sql" orders \
        >"$scratch/pgbench" 2>&1 ||
        fail "pgbench failed: $(cat "$scratch/pgbench")"
    awk -v work="$work" -v clients="$clients" '
        /^tps/ { rate = $3 }
        /^latency average/ { mean = $4 }
        /^number of failed transactions/ { errors = $5 }
        END { print "pgbench", work, clients, rate, mean, errors + 0 }
    ' "$scratch/pgbench" >>"$scratch/cells"
}

requests() {
    local idle peak connections
    fresh_database
    start_service
    idle=$(memory VmRSS)
    expect 201 -X POST -H 'Content-Type: application/json' -d '{"customer_id":"bench-1"}' "$url/orders"
    sql -f scripts/bench.d/seed.sql
    say 'warming up'
    load 16 2 create >/dev/null
    sql -c "select order_id from orders where tenant_id <> 'pgbench' order by order_id limit 1000" >"$scratch/ids"
    expect 200 "$url/orders/$(tail -n 1 "$scratch/ids")"
    : >"$scratch/log"

    # Each round has all four kinds of work: what the machine does meanwhile slows all of them.
    for connections in 1 16 64 256; do
        measure create "$connections"
        measure_sql create
        measure read "$connections"
        measure_sql read
    done
    peak=$(memory VmHWM)

    awk '
        BEGIN {
            name["service", "create"] = "`POST /orders`"
            name["service", "read"] = "`GET /orders/{id}`"
            name["pgbench", "create"] = "pgbench: insert an order and its event"
            name["pgbench", "read"] = "pgbench: select an order by its key"
        }
        $1 == "service" {
            rate[NR] = $4 / ($6 / 1e6)
            row[NR] = sprintf("%.2f | %.2f | %d", $7 / 1000, $8 / 1000, $5)
        }
        $1 == "pgbench" {
            rate[NR] = $4
            row[NR] = sprintf("%.2f (mean) | | %d", $5, $6)
            if ($4 > best[$2]) best[$2] = $4
        }
        { by[NR] = $1; work[NR] = $2; connections[NR] = $3 }
        function rows(which_by, which_work,    i) {
            for (i = 1; i <= NR; i++) {
                if (by[i] != which_by || work[i] != which_work) continue
                printf "| %s | %d | %.0f | %s | %.2f |\n", name[by[i], work[i]], connections[i], rate[i], row[i], rate[i] / best[work[i]]
            }
        }
        END {
            print "| work | connections | requests/s | p50 ms | p99 ms | errors | ratio to pgbench |"
            print "|---|--:|--:|--:|--:|--:|--:|"
            rows("service", "create")
            rows("service", "read")
            rows("pgbench", "create")
            rows("pgbench", "read")
        }
    ' "$scratch/cells"
    cat <<END

The ratio is to the best of the runs of pgbench, which took turns with those of the service.

Resident memory of the service: $idle idle, $peak at most.

Each row was measured for $seconds s.

END
}
