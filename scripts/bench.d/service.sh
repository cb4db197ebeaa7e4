# What scripts/soak and the parts of scripts/bench share: a database, the service on it, and load. Sourced, not run.

# need_service: its binary, as $ORDERS_BIN unless that names one.
need_service() {
    [ -z "${ORDERS_BIN:-}" ] || return 0
    need_rust
    cargo build --release --locked --quiet
    ORDERS_BIN=${CARGO_TARGET_DIR:-target}/release/orders
}

# begin: a PostgreSQL and a directory that last as long as the script.
begin() {
    scratch=$(mktemp -d)
    trap clean_up EXIT
    start_postgres "$scratch"
    run_in
}

# run_in: the files of PostgreSQL's log are made once and then used again. On a new server every commit waits now and then for
# 16 MiB of zeros to be written and flushed.
run_in() {
    say 'letting PostgreSQL make the files of its log'
    name=postgres sql -c "create table filler as select repeat(md5(n::text), 30) from generate_series(1, 700000) as n" \
        -c checkpoint -c 'drop table filler' -c checkpoint
    # Else the disk is busy with them in the middle of a measurement.
    sync
}

clean_up() {
    stop_services
    stop_postgres "$scratch"
    rm -rf "$scratch"
}

# Which of the databases.
name=orders
database() { "$1" -h "$scratch/run" -U postgres "${@:2}"; }
sql() { database psql -d "$name" -qAtX -v ON_ERROR_STOP=1 "$@"; }

# fresh_database: no part measures what another one left behind.
fresh_database() {
    stop_services
    database dropdb --if-exists "$name" 2>/dev/null
    database createdb "$name"
}

services=()
# start_service: a further instance. Its process is $service then, and its address $url.
start_service() {
    # The file is there before the service is: what follows reads it at once.
    : >"$scratch/log"
    # Without the caller's environment: the settings measured are the defaults.
    env -i PATH="$PATH" DATABASE_URL="postgres://postgres@localhost/$name?host=$scratch/run" ORDERS_BIND=127.0.0.1:0 \
        "$ORDERS_BIN" >>"$scratch/log" 2>&1 &
    service=$!
    services+=("$service")
    url=
    for _ in {1..300}; do
        url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$scratch/log")
        [ -z "$url" ] || break
        kill -0 "$service" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$url" ] || fail "The service did not start: $(tail -n 5 "$scratch/log")"
}

stop_services() {
    local service
    for service in "${services[@]}"; do
        kill "$service" 2>/dev/null || true
        wait "$service" || true
    done
    services=()
}

memory() { awk -v key="$1:" '$1 == key { printf "%.1f MiB", $2 / 1024 }' "/proc/$service/status"; }

# expect STATUS CURL-ARGUMENT...
expect() {
    local expected=$1 status
    shift
    status=$(curl -sS -o /dev/null -w '%{http_code}' "$@") || true
    [ "$status" = "$expected" ] || fail "$status instead of $expected from: curl $*"$'\n'"$(tail -n 20 "$scratch/log")"
}

# cpu PID: the seconds that a process and its children had of the processors, with those of children that have ended.
cpu() {
    # Some of all these processes end in between.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v pid="$1" -v ticks="$(getconf CLK_TCK)" '
        { id = $1; sub(/.*\) /, "") }
        id == pid || $2 == pid { sum += $12 + $13 + $14 + $15 }
        END { printf "%.2f", sum / ticks }
    '
}

cpu_of_postgres() { cpu "$(head -n 1 "$scratch/data/postmaster.pid")"; }

# load CONNECTIONS SECONDS WORK [FILE]: answers "successes errors microseconds p50 p99 max", the last three in microseconds too.
# It has two threads, or as many as $threads says.
load() {
    local connections=$1 duration=$2 work=$3 threads=${threads:-2} result
    shift 3
    threads=$((connections < threads ? connections : threads))
    # A slow answer is to be in the percentiles, not a timeout.
    result=$(wrk -t "$threads" -c "$connections" -d "${duration}s" --timeout 15s -s scripts/bench.d/load.lua "$url" -- \
        "$work" "$threads" "$(date +%s%N)" "$@")
    [[ $result == *'result '* ]] || fail "wrk has no result: $result"
    sed -n 's/^result //p' <<<"$result"
}
