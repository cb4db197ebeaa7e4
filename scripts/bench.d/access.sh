# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # scripts/bench and service.sh set and use the variables
# What access control costs, what many tenants cost, and what one tenant's flood does to another one. A part of scripts/bench.

# The same for every service of this part: whether it checks them is what is measured.
issuer=https://issuer.example.com
secret=$(printf '%064d' 7)

access() {
    printf '{"keys":[{"kty":"oct","kid":"bench","alg":"HS256","k":"%s"}]}' "$(printf '%s' "$secret" | base64 -w0 | tr '+/' '-_' | tr -d =)" >"$scratch/jwks"
    token default >"$scratch/token"
    for n in $(seq 256); do token "tenant-$n"; done >"$scratch/tokens"
    token quiet >"$scratch/quiet"
    : >"$scratch/cells"
    for _ in $(seq "${BENCH_ROUNDS:-5}"); do
        for auth in none keys jwt; do measure_access "$auth"; done
        for tenants in one many; do measure_tenants "$tenants"; done
        measure_fairness
    done
    measure_limits
    stop_services
    awk -f scripts/bench.d/access.awk "$scratch/cells"
}

database_url() { printf 'postgres://postgres@localhost/%s?host=%s/run' "$name" "$scratch"; }

# token TENANT: a token that is valid for a day.
token() {
    python3 - "$1" "$issuer" "$secret" <<'END'
import base64, hashlib, hmac, json, sys, time

tenant, issuer, secret = sys.argv[1:]
scope = "orders:read orders:write events:read"
claims = {"iss": issuer, "aud": "orders", "sub": "bench", "tenant": tenant, "scope": scope, "exp": int(time.time()) + 86400}
text = lambda part: base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
message = text({"alg": "HS256", "kid": "bench"}) + b"." + text(claims)
signature = base64.urlsafe_b64encode(hmac.digest(secret.encode(), message, "sha256")).rstrip(b"=")
print((message + b"." + signature).decode())
END
}

make_key() {
    ORDERS_STATIC_DIR=static "$ORDERS_BIN" keys create --name bench --scope all --database-url "$(database_url)" \
        >"$scratch/keys" 2>/dev/null
}

# start_guarded AUTH: on an empty database, so that no part measures the data of another
start_guarded() {
    fresh_database
    make_key
    service_environment=("ORDERS_AUTH=$1")
    if [ "$1" = jwt ]; then
        service_environment+=("ORDERS_JWKS=$scratch/jwks" "ORDERS_JWT_ISSUER=$issuer" ORDERS_JWT_AUDIENCE=orders)
    fi
    start_service
    service_environment=()
}

# record NAME RESULT: NAME, successes a second, p99 in milliseconds, errors
record() {
    local cell=$1
    shift
    awk -v cell="$cell" '{ printf "%s %.1f %.3f %d\n", cell, $1 / ($3 / 1e6), $5 / 1000, $2 }' <<<"$*" >>"$scratch/cells"
}

# measure_access none|keys|jwt
measure_access() {
    say "access: $1"
    start_guarded "$1"
    case $1 in
        none) : >"$scratch/credentials" ;;
        keys) cp "$scratch/keys" "$scratch/credentials" ;;
        jwt) cp "$scratch/token" "$scratch/credentials" ;;
    esac
    export BENCH_CREDENTIALS=$scratch/credentials
    load 64 1 keyed >/dev/null
    record "create-$1" "$(load 64 "$seconds" keyed)"
    sql -c "select order_id from orders where tenant_id = 'default' limit 20000" >"$scratch/ids"
    record "read-$1" "$(load 256 "$seconds" read "$scratch/ids")"
    unset BENCH_CREDENTIALS
}

# measure_tenants one|many: many is another tenant for each of 256 connections
measure_tenants() {
    say "tenants: $1"
    start_guarded jwt
    export BENCH_CREDENTIALS=$scratch/token
    if [ "$1" = many ]; then BENCH_CREDENTIALS=$scratch/tokens; fi
    load 256 1 keyed >/dev/null
    record "tenants-$1" "$(load 256 "$seconds" keyed)"
    unset BENCH_CREDENTIALS
}

# Three instances that share a limit through Redis, and without Redis: what they admit, of what the limit allows.
measure_limits() {
    local limit=3000 redis state
    say 'limits'
    redis-server --port 0 --unixsocket "$scratch/redis" --save '' --appendonly no --dir "$scratch" >/dev/null &
    redis=$!
    until [ -S "$scratch/redis" ]; do sleep 0.1; done
    fresh_database
    make_key
    local urls=()
    service_environment=(ORDERS_AUTH=keys "ORDERS_RATE_LIMIT=$limit/s" "ORDERS_REDIS_URL=unix://$scratch/redis")
    for _ in 1 2 3; do
        start_service
        urls+=("$url")
    done
    service_environment=()
    # Each learns of the others.
    sleep 3
    export BENCH_CREDENTIALS=$scratch/keys
    threads=1 url=${urls[0]} load 8 1 create >/dev/null
    sql -c "select order_id from orders where tenant_id = 'default' limit 100" >"$scratch/ids"
    for state in with without; do
        if [ "$state" = without ]; then
            kill "$redis"
            wait "$redis" || true
            sleep 3
        fi
        # Uses up what may come at once.
        three_loads 2 >/dev/null
        record "limit-$state" "$(three_loads $((seconds * 4)))"
    done
    unset BENCH_CREDENTIALS
}

# three_loads SECONDS: what the instances of $urls admit together, in the form of `load`.
three_loads() {
    local duration=$1 n loads=()
    for n in 0 1 2; do
        threads=1 url=${urls[n]} load 8 "$duration" read "$scratch/ids" >"$scratch/load-$n" &
        loads+=($!)
    done
    wait "${loads[@]}"
    awk '{ successes += $1; if ($3 > longest) longest = $3 } END { print successes, 0, longest, 0, 0, 0 }' "$scratch"/load-[012]
}

# What one connection of a quiet tenant waits for, alone and while another tenant floods the service.
measure_fairness() {
    say 'fairness'
    start_guarded jwt
    export BENCH_CREDENTIALS=$scratch/quiet
    load 1 1 keyed >/dev/null
    record quiet-alone "$(load 1 "$seconds" keyed)"
    BENCH_CREDENTIALS=$scratch/token load 256 $((seconds + 2)) keyed >"$scratch/flood" &
    local flood=$!
    sleep 1
    record quiet-flooded "$(load 1 "$seconds" keyed)"
    wait "$flood"
    record flood "$(cat "$scratch/flood")"
    unset BENCH_CREDENTIALS
}
