//! Every setting, its default and its check. Each is a flag and an environment variable; the flag wins.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum, builder::BoolishValueParser, value_parser};

/// What this is built from.
pub const COMMIT: &str = env!("ORDERS_COMMIT");

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("ORDERS_COMMIT"), ")");

/// The orders service: takes orders, prices their items, and keeps a log of what happened, in order.
///
/// Without any setting it serves on 127.0.0.1:8000, with a private PostgreSQL of its own in ./data.
#[derive(Clone, Debug, Parser)]
#[command(version = VERSION, max_term_width = 100)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
#[allow(rustdoc::bare_urls, reason = "these are the texts of --help")]
pub struct Config {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// PostgreSQL to store the orders in, as postgres://user:password@host:port/database.
    /// Without it the service starts a private PostgreSQL from the binaries on this machine.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// Keep the orders in memory, and lose them at the end. For demos; it wins over DATABASE_URL.
    #[arg(long, env = "ORDERS_IN_MEMORY", value_parser = BoolishValueParser::new())]
    pub in_memory: bool,

    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "ORDERS_BIND", value_name = "ORDERS_BIND", default_value = "127.0.0.1:8000", global = true)]
    pub bind: SocketAddr,

    /// Serve callers who are not authenticated on an address other than loopback.
    #[arg(long, env = "ORDERS_ALLOW_ANONYMOUS", value_parser = BoolishValueParser::new())]
    pub allow_anonymous: bool,

    /// Directory of the private PostgreSQL.
    #[arg(long, env = "ORDERS_DATA_DIR", value_name = "ORDERS_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// Directory of the console's files.
    #[arg(long, env = "ORDERS_STATIC_DIR", value_name = "ORDERS_STATIC_DIR", default_value = "./static")]
    pub static_dir: PathBuf,

    /// Most connections to the database, 2 to 500; half of them are for queries, one writes, one more follows the log, and there are five at least. Four for each core of the database is a good start; more of them wait for each other.
    #[arg(long, env = "ORDERS_DB_POOL", value_name = "ORDERS_DB_POOL", default_value_t = 8, value_parser = value_parser!(u32).range(2..=500))]
    pub db_pool: u32,

    /// How long a request waits for a connection to the database before it is answered with a 503, in milliseconds, 100 to 60000.
    #[arg(long, env = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", value_name = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", default_value_t = 3000, value_parser = value_parser!(u64).range(100..=60_000))]
    pub db_acquire_timeout_ms: u64,

    /// File with the products and their prices, a JSON array of {"sku", "name", "price", "currency"}.
    /// Without it the service has a catalogue of its own.
    #[arg(long, env = "ORDERS_CATALOGUE", value_name = "ORDERS_CATALOGUE")]
    pub catalogue: Option<PathBuf>,

    /// Base URL of a pricing service, http or https, e.g. http://prices.example.com/v1. Products and prices are then asked for there; it wins over ORDERS_CATALOGUE.
    /// docs/API.md has what it must answer.
    #[arg(long, env = "ORDERS_PRICING_URL", value_name = "ORDERS_PRICING_URL", hide_env_values = true)]
    pub pricing_url: Option<String>,

    /// How long the pricing service may take to answer, in milliseconds, 50 to 30000. It is asked up to three times.
    #[arg(long, env = "ORDERS_PRICING_TIMEOUT_MS", value_name = "ORDERS_PRICING_TIMEOUT_MS", default_value_t = 1000, value_parser = value_parser!(u64).range(50..=30_000))]
    pub pricing_timeout_ms: u64,

    /// Origins whose pages may call the API, separated by commas, e.g. https://shop.example.com. None may by default.
    #[arg(long, env = "ORDERS_CORS_ORIGINS", value_name = "ORDERS_CORS_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// Largest body of a request, in bytes, 1024 to 16777216.
    #[arg(long, env = "ORDERS_MAX_BODY_BYTES", value_name = "ORDERS_MAX_BODY_BYTES", default_value_t = 65_536, value_parser = value_parser!(u32).range(1024..=16_777_216))]
    pub max_body_bytes: u32,

    /// Largest headers of a request, in bytes, 1024 to 65536.
    #[arg(long, env = "ORDERS_MAX_HEADER_BYTES", value_name = "ORDERS_MAX_HEADER_BYTES", default_value_t = 16_384, value_parser = value_parser!(u32).range(1024..=65_536))]
    pub max_header_bytes: u32,

    /// Most connections from clients at a time, 1 to 1000000; further ones wait. At most half of them may wait for events.
    #[arg(long, env = "ORDERS_MAX_CONNECTIONS", value_name = "ORDERS_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// How long a client's connection may be idle between two requests, in seconds, 1 to 3600.
    #[arg(long, env = "ORDERS_KEEP_ALIVE_SECS", value_name = "ORDERS_KEEP_ALIVE_SECS", default_value_t = 75, value_parser = value_parser!(u64).range(1..=3600))]
    pub keep_alive_secs: u64,

    /// How long the head of a request, and then its body, may take to arrive, in seconds, 1 to 600.
    #[arg(long, env = "ORDERS_CLIENT_TIMEOUT_SECS", value_name = "ORDERS_CLIENT_TIMEOUT_SECS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=600))]
    pub client_timeout_secs: u64,

    /// How long a client may leave what was sent to it unread before it is disconnected, in seconds, 1 to 3600.
    #[arg(long, env = "ORDERS_SEND_TIMEOUT_SECS", value_name = "ORDERS_SEND_TIMEOUT_SECS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub send_timeout_secs: u64,

    /// How long a stream of events may be silent before it says that it is still there, in seconds, 1 to 300.
    #[arg(long, env = "ORDERS_HEARTBEAT_SECS", value_name = "ORDERS_HEARTBEAT_SECS", default_value_t = 15, value_parser = value_parser!(u64).range(1..=300))]
    pub heartbeat_secs: u64,

    /// How log lines look: pretty for people, json for programs. RUST_LOG sets the levels, e.g. info,orders::domain=debug.
    #[arg(
        long,
        env = "ORDERS_LOG_FORMAT",
        value_name = "ORDERS_LOG_FORMAT",
        value_enum,
        default_value = "pretty",
        global = true
    )]
    pub log_format: LogFormat,

    /// Directory for log files of this service alone, beside standard error: orders.log, and five older ones.
    #[arg(long, env = "ORDERS_LOG_DIR", value_name = "ORDERS_LOG_DIR")]
    pub log_dir: Option<PathBuf>,

    /// Size at which a log file is put aside and the next one begun, in bytes, 4096 to 1073741824.
    #[arg(long, env = "ORDERS_LOG_FILE_BYTES", value_name = "ORDERS_LOG_FILE_BYTES", default_value_t = 10_485_760, value_parser = value_parser!(u64).range(4096..=1_073_741_824))]
    pub log_file_bytes: u64,
}

/// What to do other than serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Hold the tables against the log, while the service runs or not: fold every order from its events anew, and look for every position.
    /// Ends with 0 when nothing is wrong, 1 when something is, 2 when nothing can be said.
    Verify,
    /// Ask the service that runs with the same settings whether it is ready. Ends with 0 when it is, and with 1 when it is not.
    Healthcheck,
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

    pub const fn pricing_timeout(&self) -> Duration {
        Duration::from_millis(self.pricing_timeout_ms)
    }
}

/// A scheme and a host, with a port where it is not the scheme's own (RFC 6454, section 6.2).
fn origin(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (host, port) = authority.map_or(("", None), |authority| match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    });
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    if (is_name || is_address) && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("an origin is like https://shop.example.com, without a path".to_owned())
    }
}
