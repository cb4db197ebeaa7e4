# shellcheck shell=bash
# shellcheck disable=SC2154 # scripts/bench and service.sh set the variables
# Requests to the service and, in turns, the same work as bare SQL by pgbench, on one database. A part of scripts/bench.

# Clients of pgbench. On a machine with few cores more clients only wait for each other.
clients=8
# How many items the hot order gets before the next order takes its place. load.lua has the same number; the limit is 200.
hot_lines=190

# stored_since MILLISECONDS: prints how many orders the service stored since then. Their ids begin with the time.
stored_since() {
    sql -c "select count(*) from orders
        where tenant_id = 'default' and order_id >= (lpad(to_hex($1), 12, '0') || repeat('0', 20))::uuid"
}

# open_orders WORK CONNECTIONS: creates orders for the works that add items, and writes their ids to a file.
open_orders() {
    local count
    case $1 in
        # Each of them gets few items.
        add) count=20000 ;;
        # As many as 20,000 items a second can fill.
        hot) count=$((seconds * 20000 / hot_lines)) ;;
    esac
    sql -v count="$count" -v customer="bench-$1-$2" -f scripts/bench.d/open.sql >"$scratch/ids-$1"
}

# check WORK CONNECTIONS SUCCESSES BEGUN: compares the count of wrk with the database. wrk counts every status below 400.
check() {
    local work=$1 connections=$2 successes=$3 begun=$4 orders lines wrong
    case $work in
        create | keyed | items)
            orders=$(stored_since "$begun")
            [ "$orders" -ge "$successes" ] || fail "wrk counts $successes orders created, the database has $orders"
            ;;
        add | hot)
            IFS='|' read -r lines wrong < <(sql -v customer="bench-$work-$connections" -f scripts/bench.d/added.sql)
            [ "$wrong" = 0 ] || fail "$wrong orders differ from their items and events"
            [ "$lines" -ge "$successes" ] || fail "wrk counts $successes items added, the database has $lines"
            ;;
    esac
}

# measure WORK CONNECTIONS: measures the service.
measure() {
    local work=$1 connections=$2 begun result successes errors rest service_before postgres_before
    say "$work, connections: $connections"
    case $work in add | hot) open_orders "$work" "$connections" ;; esac
    begun=$(date +%s%3N)
    service_before=$(cpu "$service")
    postgres_before=$(cpu_of_postgres)
    result=$(load "$connections" "$seconds" "$work" "$scratch/ids-$work")
    kill -0 "$service" 2>/dev/null || fail "The service ended: $(tail -n 5 "$scratch/log")"
    printf 'service %s %s %s %s %s %s %s\n' "$work" "$connections" "$service_before" "$(cpu "$service")" \
        "$postgres_before" "$(cpu_of_postgres)" "$result" >>"$scratch/cells"
    read -r successes errors rest <<<"$result"
    check "$work" "$connections" "$successes" "$begun"
    if [ "$errors" != 0 ]; then say "$errors errors: $(grep -m 1 ' ERROR ' "$scratch/log" || echo 'none in the log')"; fi
    # The access lines of a whole run would take hundreds of megabytes.
    : >"$scratch/log"
}

# measure_sql WORK: measures pgbench.
measure_sql() {
    local work=$1 before
    say "$work, pgbench"
    before=$(cpu_of_postgres)
    database pgbench -n -M prepared -c "$clients" -j 2 -T "$seconds" -f "scripts/bench.d/$work.sql" "$name" \
        >"$scratch/pgbench" 2>&1 ||
        fail "pgbench failed: $(cat "$scratch/pgbench")"
    awk -v work="$work" -v clients="$clients" -v cpu="$before $(cpu_of_postgres)" '
        /^number of transactions actually processed/ { count = $6 }
        /^tps/ { rate = $3 }
        /^latency average/ { mean = $4 }
        /^number of failed transactions/ { errors = $5 }
        END { print "pgbench", work, clients, cpu, count, errors + 0, rate, mean }
    ' "$scratch/pgbench" >>"$scratch/cells"
}

requests() {
    local idle peak connections work
    fresh_database
    start_service
    idle=$(memory VmRSS)
    expect 201 -X POST -H 'Content-Type: application/json' -d '{"customer_id":"bench-1"}' "$url/orders"
    sql -f scripts/bench.d/seed.sql
    say 'warming up'
    load 16 2 create >/dev/null
    sql -c "select order_id from orders where tenant_id <> 'pgbench' order by order_id limit 1000" >"$scratch/ids-read"
    expect 200 "$url/orders/$(tail -n 1 "$scratch/ids-read")"
    : >"$scratch/log"

    # The service and pgbench alternate, so that other load on the machine slows both.
    for connections in 1 16 64 256; do
        for work in create keyed items add hot; do
            measure_sql single
            measure "$work" "$connections"
        done
        measure_sql transaction
        measure_sql read
        measure read "$connections"
        measure list "$connections"
    done
    peak=$(memory VmHWM)

    awk -f scripts/bench.d/requests.awk "$scratch/cells"
    cat <<END

Resident memory of the service: $idle idle, $peak at most.

The hot order gets $hot_lines items; then another order takes its place. Each row was measured for $seconds s.

END
}
