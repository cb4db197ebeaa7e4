# What the scripts share: installing what is missing, and a throw-away PostgreSQL. Sourced, not run.

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# need_packages PACKAGE...: installs Debian packages, and elsewhere says what is needed.
need_packages() {
    command -v apt-get >/dev/null || fail "Please install what Debian calls: $*"
    say "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2 ||
        fail "Could not install: $*. Please install them, or run this as root or with sudo."
}

# need COMMAND PACKAGE...: installs the packages when the command is not there.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || need_packages "$@"
}

need_rust() {
    command -v cargo >/dev/null || fail 'Please install Rust 1.95 or later, e.g. with rustup'
    # Some dependencies have parts in C.
    need cc gcc libc6-dev
    need make make
}

postgres_bin() {
    local candidate
    for candidate in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" \
        "$(pg_config --bindir 2>/dev/null || true)" \
        $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) \
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
        as_root true 2>/dev/null || fail 'Please install the package postgresql, or run this as root or with sudo'
        # Only the binaries: Debian would start a cluster of its own.
        as_root mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        need_packages postgresql
    }
    PATH="$(postgres_bin):$PATH"
    export PATH
}

# What the browser tests drive, and what they hold the pages against.
need_browser() {
    need chromium chromium
    need chromedriver chromium-driver
    need npm npm
    local axe=target/browser/node_modules/axe-core/axe.min.js
    [ -e "$axe" ] || npm install --silent --no-audit --no-fund --prefix target/browser axe-core@4.14.1 >/dev/null ||
        fail 'Could not install the npm package axe-core'
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups env PATH="$PATH" "$@")
    else
        "$@"
    fi
}

# start_postgres DIR [SETTING...]: a PostgreSQL of its own with its data in DIR/data and its socket in DIR/run.
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
