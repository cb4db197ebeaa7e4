use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How many connections, and how long a request waits for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    pub max_connections: u32,
    pub acquire_timeout: Duration,
}

/// A connection that was idle for longer is tried before it is handed out: after a restart of the database, no request meets a dead one.
pub(crate) const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long a statement waits for a lock.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A `postgres://` URL with what every connection of the service has: its name, and bounds on how long a statement,
/// a wait for a lock and an idle transaction may last.
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
            // No statement here is worth compiling.
            ("jit", "off"),
        ])
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(1))
}

/// For sessions whose every statement finds its rows by their keys, as many as the request has. A plan that reads a whole
/// table is right only while the table is small, and is kept while it grows.
pub(crate) fn by_key(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ])
}

/// Connects when first asked: a service whose database is away answers 503.
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
