use std::{io, str::FromStr, time::Duration};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::time::Instant;

use super::socket::{KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, USER_TIMEOUT, notice_vanished_peers};

/// The number of connections, and how long a request waits for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    pub max_connections: u32,
    pub acquire_timeout: Duration,
}

/// A connection that was idle for longer is pinged before its next use, so that no request gets a dead connection after a
/// restart of the database.
pub(crate) const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long a statement waits for a lock.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// After this time PostgreSQL cancels a statement.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The connection options of a `postgres://` URL, with the name of the service, the isolation that it relies on, and
/// limits on the duration of statements, lock waits and idle transactions. sqlx itself sets the encoding UTF8 and the time zone
/// UTC.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let options = PgConnectOptions::from_str(url)?;
        // sqlx would look up an IPv6 address with its brackets as a name.
        let address = options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
        Ok(bounded(match address {
            Some(address) => options.host(&address),
            None => options,
        }))
    } else {
        Err(sqlx::Error::Configuration("the scheme is not postgres".into()))
    }
}

pub(crate) fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("orders")
        .options([
            // The service checks versions itself. A stricter default of the database would make plain creates conflict.
            ("default_transaction_isolation", "read committed".to_owned()),
            ("statement_timeout", format!("{}s", STATEMENT_TIMEOUT.as_secs())),
            ("lock_timeout", format!("{}s", LOCK_TIMEOUT.as_secs())),
            // The service sends the statements of a transaction one behind the other. A session that waits for longer has lost
            // its client, and its locks keep others from writing.
            ("idle_in_transaction_session_timeout", "2s".to_owned()),
            // The statements are too short to gain from compilation.
            ("jit", "off".to_owned()),
            // The server's side of `notice_vanished_peers`. A Unix socket ignores them.
            ("tcp_keepalives_idle", format!("{}s", KEEPALIVE_IDLE.as_secs())),
            ("tcp_keepalives_interval", format!("{}s", KEEPALIVE_INTERVAL.as_secs())),
            ("tcp_keepalives_count", KEEPALIVE_COUNT.to_string()),
            ("tcp_user_timeout", format!("{}s", USER_TIMEOUT.as_secs())),
        ])
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(1))
}

/// For sessions in which every statement finds its rows by their keys. A plan that reads a whole table is best only while
/// the table is small, but PostgreSQL would keep it while the table grows.
pub(crate) fn by_key(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ])
}

/// A session whose end the kernel notices.
pub(crate) async fn open_session(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let connection = options.connect().await?;
    if options.get_socket().is_none() {
        notice_vanished_peers(options.get_port()).await;
    }
    Ok(connection)
}

/// A session that works. While the server refuses connections because it starts or stops, tries again until `timeout`.
pub(super) async fn connect(options: &PgConnectOptions, timeout: Duration) -> sqlx::Result<PgConnection> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(10);
    loop {
        let attempt = tokio::time::timeout_at(deadline.min(Instant::now() + ATTEMPT_TIMEOUT), open_session(options));
        let error = match attempt.await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) if !is_short(&error) => return Err(error),
            Ok(Err(error)) => error,
            Err(_) => {
                io::Error::new(io::ErrorKind::TimedOut, "the database does not accept a connection in time").into()
            }
        };
        if Instant::now() + pause >= deadline {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// An attempt that begins while the network loses packets may never end. The next one works when the network does.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Nobody listens, or the server starts or stops.
fn is_short(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_may_be_an_ipv6_address() {
        for (url, host) in [
            ("postgres://orders@[::1]:6432/orders", "::1"),
            ("postgres://orders@localhost/orders", "localhost"),
            ("postgresql://orders@192.0.2.7/orders", "192.0.2.7"),
        ] {
            assert_eq!(connect_options(url).unwrap().get_host(), host);
        }
    }
}
