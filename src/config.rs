//! Every setting, its default and its check. Each is a flag and an environment variable; the flag wins.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum, builder::BoolishValueParser, value_parser};

/// The orders service: takes orders, prices their items, and tells what happened, in order.
///
/// Without any setting it serves on 127.0.0.1:8000, with a private PostgreSQL of its own in ./data.
#[derive(Clone, Debug, Parser)]
#[command(version, max_term_width = 100)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
pub struct Config {
    /// PostgreSQL to store the orders in, as postgres://user:password@host:port/database.
    /// Without it the service starts a private PostgreSQL from the binaries on this machine.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Keep the orders in memory, and lose them at the end. For demos; it wins over DATABASE_URL.
    #[arg(long, env = "ORDERS_IN_MEMORY", value_parser = BoolishValueParser::new())]
    pub in_memory: bool,

    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "ORDERS_BIND", value_name = "ORDERS_BIND", default_value = "127.0.0.1:8000")]
    pub bind: SocketAddr,

    /// Serve callers who are not authenticated on an address other than loopback.
    #[arg(long, env = "ORDERS_ALLOW_ANONYMOUS", value_parser = BoolishValueParser::new())]
    pub allow_anonymous: bool,

    /// Directory of the private PostgreSQL.
    #[arg(long, env = "ORDERS_DATA_DIR", value_name = "ORDERS_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// Directory of the console's files.
    #[arg(long, env = "ORDERS_STATIC_DIR", value_name = "ORDERS_STATIC_DIR", default_value = "./static")]
    pub static_dir: PathBuf,

    /// Most connections to the database, 1 to 500. Four for each core of the database is a good start; more of them wait for each other.
    #[arg(long, env = "ORDERS_DB_POOL", value_name = "ORDERS_DB_POOL", default_value_t = 8, value_parser = value_parser!(u32).range(1..=500))]
    pub db_pool: u32,

    /// How long a request waits for a connection to the database before it is answered with a 503, in milliseconds, 100 to 60000.
    #[arg(long, env = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", value_name = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", default_value_t = 3000, value_parser = value_parser!(u64).range(100..=60_000))]
    pub db_acquire_timeout_ms: u64,

    /// File with the products and their prices, a JSON array of {"sku", "name", "price", "currency"}.
    /// Without it the service has a catalogue of its own.
    #[arg(long, env = "ORDERS_CATALOGUE", value_name = "ORDERS_CATALOGUE")]
    pub catalogue: Option<PathBuf>,

    /// How log lines look: pretty for people, json for programs. RUST_LOG sets the levels, e.g. info,orders::domain=debug.
    #[arg(long, env = "ORDERS_LOG_FORMAT", value_name = "ORDERS_LOG_FORMAT", value_enum, default_value = "pretty")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "ORDERS_BIND={0} is not a loopback address, and nobody is authenticated: bind 127.0.0.1 or [::1], \
         or set ORDERS_ALLOW_ANONYMOUS=true"
    )]
    AnonymousOnNetwork(SocketAddr),
}

impl Config {
    /// What no setting alone can tell.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.bind.ip().is_loopback() || self.allow_anonymous {
            Ok(())
        } else {
            Err(ConfigError::AnonymousOnNetwork(self.bind))
        }
    }

    pub const fn db_acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.db_acquire_timeout_ms)
    }
}
