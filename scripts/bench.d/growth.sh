# The same work with ever more orders stored. A part of scripts/bench.

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
    # All sizes take turns, in two rounds: what the machine does meanwhile slows all of them.
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
    for size in "${left_out[@]}"; do printf '%s orders were left out: the disk has no room for them.\n\n' "$size"; done
    name=orders
}

# store SIZE: a database of that many orders.
store() {
    name=orders_$1
    fresh_database
    # It makes the tables. One that ran on would read all the events to come.
    start_service
    stop_services
    say "storing $1 orders"
    sql -v size="$1" -f scripts/bench.d/growth.sql
    say "$1 orders take $(sql -c 'select pg_size_pretty(pg_database_size(current_database()))')"
}

# has_room SIZE: an order takes less than a KiB with its indexes and its event; sorting them for the indexes takes some, too.
has_room() {
    local free
    free=$(df -Pk "$scratch" | awk 'NR == 2 { print $4 }')
    [ "$free" -gt $(($1 * 2 + 2 * 1024 * 1024)) ]
}

# some_ids: 100,000 at most, of all ages and in no order.
some_ids() {
    sql -c "select order_id
        from orders tablesample bernoulli (least(100, 100 * 100000.0 / (select greatest(1, count(*)) from orders)))
        order by random()"
}
