# shellcheck shell=bash
# shellcheck disable=SC2154 # the scripts that source this file set ORDERS_BIN
# What scripts/soak and the parts of scripts/bench share: a database, the service on it, and load. To be sourced, not run.

# need_service: builds the binary, unless ORDERS_BIN names one already.
need_service() {
    [ -z "${ORDERS_BIN:-}" ] || return 0
    need_rust
    # jemalloc needs it.
    need make make
    say 'building with all optimisations; the first time that takes more than ten minutes'
    cargo build --profile dist --features jemalloc,kafka --locked --quiet
    ORDERS_BIN=${CARGO_TARGET_DIR:-target}/dist/orders
}

# begin: starts a PostgreSQL and makes a directory, until the script ends.
begin() {
    scratch=$(mktemp -d)
    trap clean_up EXIT
    start_postgres "$scratch"
    fill_wal
}

# fill_wal: PostgreSQL creates the files of its write-ahead log once and reuses them. On a new server commits wait now and then
# until it has written and flushed 16 MiB of zeros.
fill_wal() {
    say 'letting PostgreSQL create the files of its write-ahead log'
    name=postgres sql -c "create table filler as select repeat(md5(n::text), 30) from generate_series(1, 700000) as n" \
        -c checkpoint -c 'drop table filler' -c checkpoint
    # Otherwise the disk writes them during a measurement.
    sync
}

clean_up() {
    stop_services
    stop_postgres "$scratch"
    rm -rf "$scratch"
}

# The database that the functions below use.
name=orders
database() { "$1" -h "$scratch/run" -U postgres "${@:2}"; }
sql() { database psql -d "$name" -qAtX -v ON_ERROR_STOP=1 "$@"; }

# fresh_database: an empty database, so that no part measures the data of another.
fresh_database() {
    stop_services
    database dropdb --if-exists "$name" 2>/dev/null
    database createdb "$name"
}

services=()
# Settings of the services that start next.
service_environment=()
# start_service: starts one more instance, and sets $service to its process and $url to its address.
start_service() {
    # await_address reads the file, perhaps before the service has opened it.
    : >"$scratch/log"
    # Without the environment of the caller: the measurement uses the default settings.
    env -i PATH="$PATH" DATABASE_URL="postgres://postgres@localhost/$name?host=$scratch/run" ORDERS_BIND=127.0.0.1:0 \
        "${service_environment[@]}" "$ORDERS_BIN" >>"$scratch/log" 2>&1 &
    service=$!
    services+=("$service")
    url=$(await_address "$scratch/log" "$service")
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

# cpu PID: the processor seconds of a process and its children, including children that have ended.
cpu() {
    # Some processes end while cat reads the files.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v pid="$1" -v ticks="$(getconf CLK_TCK)" '
        { id = $1; sub(/.*\) /, "") }
        id == pid || $2 == pid { sum += $12 + $13 + $14 + $15 }
        END { printf "%.2f", sum / ticks }
    '
}

cpu_of_postgres() { cpu "$(head -n 1 "$scratch/data/postmaster.pid")"; }

# load CONNECTIONS SECONDS WORK [FILE]: prints "successes errors duration p50 p99 max", the last four in microseconds.
# wrk has two threads, or as many as $threads says.
load() {
    local connections=$1 duration=$2 work=$3 threads=${threads:-2} result
    shift 3
    threads=$((connections < threads ? connections : threads))
    # A slow response counts in the percentiles, and not as a timeout.
    result=$(wrk -t "$threads" -c "$connections" -d "${duration}s" --timeout 15s -s scripts/bench.d/load.lua "$url" -- \
        "$work" "$threads" "$(date +%s%N)" "$@")
    [[ $result == *'result '* ]] || fail "wrk printed no result: $result"
    sed -n 's/^result //p' <<<"$result"
}
