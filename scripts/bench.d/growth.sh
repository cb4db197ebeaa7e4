# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # scripts/bench and service.sh set and use the variables
# The same work while more and more orders are stored. A part of scripts/bench.

growth() {
    local size sizes=() left_out=() work
    declare -A addresses processes
    for size in 0 ${BENCH_SIZES:-10000 1000000}; do
        if has_room "$size"; then
            sizes+=("$size")
            store "$size"
        else
            left_out+=("$size")
        fi
    done
    for size in "${sizes[@]}"; do
        name=orders_$size
        start_service
        addresses[$size]=$url
        processes[$size]=$service
        load 64 1 keyed >/dev/null
    done

    : >"$scratch/cells"
    # All sizes alternate, in two rounds, so that other load on the machine slows all of them.
    for _ in 1 2; do
        for work in keyed read list; do
            for size in "${sizes[@]}"; do
                name=orders_$size url=${addresses[$size]} service=${processes[$size]}
                say "with $size orders"
                if [ "$work" = read ]; then some_ids >"$scratch/ids-read"; fi
                echo "size $size" >>"$scratch/cells"
                measure "$work" 64
            done
        done
    done
    stop_services
    awk -f scripts/bench.d/growth.awk "$scratch/cells"
    for size in "${left_out[@]}"; do printf 'Without %s orders: the disk has no room for them.\n\n' "$size"; done
    name=orders
}

# store SIZE: creates a database with that many orders.
store() {
    name=orders_$1
    fresh_database
    # The service creates the tables. It stops because it would read all the new events.
    start_service
    stop_services
    say "storing $1 orders"
    sql -v size="$1" -f scripts/bench.d/growth.sql
    say "$1 orders take $(sql -c 'select pg_size_pretty(pg_database_size(current_database()))')"
}

# has_room SIZE: an order takes less than 1 KiB with its indexes and its event, and sorting for the indexes takes space too.
has_room() {
    local free
    free=$(df -Pk "$scratch" | awk 'NR == 2 { print $4 }')
    [ "$free" -gt $(($1 * 2 + 2 * 1024 * 1024)) ]
}

# some_ids: prints at most 100,000 order ids of all ages, in random order.
some_ids() {
    sql -c "select order_id
        from orders tablesample bernoulli (least(100, 100 * 100000.0 / (select greatest(1, count(*)) from orders)))
        order by random()"
}
