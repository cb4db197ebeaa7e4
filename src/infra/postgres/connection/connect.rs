use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

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

/// The connection options of a `postgres://` URL, with the name of the service and limits on the duration of statements,
/// lock waits and idle transactions.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        PgConnectOptions::from_str(url).map(bounded)
    } else {
        Err(sqlx::Error::Configuration("the scheme is not postgres".into()))
    }
}

pub(crate) fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("orders")
        .options([
            ("statement_timeout", "10s"),
            ("lock_timeout", &format!("{}s", LOCK_TIMEOUT.as_secs())),
            ("idle_in_transaction_session_timeout", "10s"),
            // The statements are too short to gain from compilation.
            ("jit", "off"),
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

/// Connects at the first use: the service starts without its database, and responds with 503 until it is there.
pub(crate) fn pool(options: PgConnectOptions, settings: PoolSettings) -> PgPool {
    PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(Duration::from_mins(10))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}
