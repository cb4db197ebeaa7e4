//! Every setting: its flag, its environment variable, its default, its range and its description.
//!
//! This is the only definition. `--help`, `.env.example` and the table in README.md are made of it; a test in
//! `tests/process/generated.rs` compares the two files with it, and `scripts/prepare` writes them.

mod access;
mod address;
mod command;
mod sink_command;
mod sinks;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum, builder::BoolishValueParser, value_parser};

use address::socket_address;

pub use access::{AccessConfig, AuthKind};
pub use command::{Command, CreateKeyArgs, KeysCommand, ReadModel, TenantArg};
pub use sink_command::{MoveTarget, SinksCommand};
pub use sinks::{KafkaSaslMechanism, KafkaSecurityProtocol, SinksConfig};

/// The Git commit of this build.
pub const COMMIT: &str = env!("ORDERS_COMMIT");

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("ORDERS_COMMIT"), ")");

/// The only setting without a flag, because the logger reads it: name, default, summary, details.
pub const RUST_LOG: [&str; 4] = [
    "RUST_LOG",
    "info",
    "Levels of the log lines, by part of the program, e.g. info,orders::domain=debug.",
    "The default also hides notices of PostgreSQL and routine messages of the HTTP server.",
];

/// The orders service: takes orders, prices their items, and appends every change to an event log.
///
/// Without any setting the service listens on 127.0.0.1:8000 and stores its data in ./data, in a private PostgreSQL.
///
/// Each setting is a flag and an environment variable; the flag wins. A bad value stops the start with an error message that names the setting and the allowed values.
#[derive(Clone, Debug, Parser)]
#[command(version = VERSION, max_term_width = 100)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
#[allow(rustdoc::bare_urls, reason = "these are the texts of --help")]
pub struct Config {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// URL of the PostgreSQL database, as postgres://user:password@host:port/database.
    ///
    /// PostgreSQL 13 or later. Percent-encode special characters in the user and the password. Without this setting the service starts a private PostgreSQL from the binaries on this machine.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// Keep the orders in memory and lose them when the process ends: for demos.
    ///
    /// true or false. It takes precedence over DATABASE_URL.
    #[arg(long, env = "ORDERS_IN_MEMORY", value_parser = BoolishValueParser::new())]
    pub in_memory: bool,

    /// Address and port to listen on.
    ///
    /// An IP address or a host name, e.g. 127.0.0.1:8000 or localhost:8000; an IPv6 address is in brackets. Port 0 takes a free port, which the log names. An address other than loopback requires ORDERS_AUTH or ORDERS_ALLOW_ANONYMOUS.
    #[arg(long, env = "ORDERS_BIND", value_name = "ORDERS_BIND", default_value = "127.0.0.1:8000", value_parser = socket_address, global = true)]
    pub bind: SocketAddr,

    /// Listen on an address other than loopback, although the service authenticates nobody.
    ///
    /// true or false. Set it only where something else admits the right clients, e.g. a gateway.
    #[arg(long, env = "ORDERS_ALLOW_ANONYMOUS", value_parser = BoolishValueParser::new())]
    pub allow_anonymous: bool,

    #[command(flatten)]
    pub access: AccessConfig,

    #[command(flatten)]
    pub sinks: SinksConfig,

    /// Directory of the private PostgreSQL.
    ///
    /// The service creates it. If the service runs as root and the user postgres cannot reach the directory, the data is under /var/lib/orders instead.
    #[arg(long, env = "ORDERS_DATA_DIR", value_name = "ORDERS_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// Directory of the console's files.
    ///
    /// The service serves them under /app/.
    #[arg(long, env = "ORDERS_STATIC_DIR", value_name = "ORDERS_STATIC_DIR", default_value = "./static")]
    pub static_dir: PathBuf,

    /// Maximum number of database connections of one instance, 4 to 500.
    ///
    /// Half of them run queries, one commits, and the others serve transactions that lock an order. Five more connections, in addition to this number, follow the event log, serve the sinks and check readiness. Start with four for each processor core of the database, over all instances.
    #[arg(long, env = "ORDERS_DB_POOL", value_name = "ORDERS_DB_POOL", default_value_t = 8, value_parser = value_parser!(u32).range(4..=500))]
    pub db_pool: u32,

    /// How long a request waits for a database connection, in milliseconds, 100 to 60000.
    ///
    /// After that time the service answers with a 503.
    #[arg(long, env = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", value_name = "ORDERS_DB_ACQUIRE_TIMEOUT_MS", default_value_t = 3000, value_parser = value_parser!(u64).range(100..=60_000))]
    pub db_acquire_timeout_ms: u64,

    /// File with the products and their prices, in JSON.
    ///
    /// An array of {"sku", "name", "price", "currency"}. Without this setting the service uses its built-in catalogue.
    #[arg(long, env = "ORDERS_CATALOGUE", value_name = "ORDERS_CATALOGUE")]
    pub catalogue: Option<PathBuf>,

    /// Base URL of a pricing service, http or https, e.g. http://prices.example.com/v1.
    ///
    /// The service then requests products and prices there, and ignores ORDERS_CATALOGUE. docs/API.md specifies the requests and the responses.
    #[arg(long, env = "ORDERS_PRICING_URL", value_name = "ORDERS_PRICING_URL", hide_env_values = true)]
    pub pricing_url: Option<String>,

    /// How long the pricing service may take for one response, in milliseconds, 50 to 30000.
    ///
    /// The service makes up to three attempts.
    #[arg(long, env = "ORDERS_PRICING_TIMEOUT_MS", value_name = "ORDERS_PRICING_TIMEOUT_MS", default_value_t = 1000, value_parser = value_parser!(u64).range(50..=30_000))]
    pub pricing_timeout_ms: u64,

    /// Origins whose pages may call the API, separated by commas, e.g. https://shop.example.com.
    ///
    /// By default pages of other origins cannot call it.
    #[arg(long, env = "ORDERS_CORS_ORIGINS", value_name = "ORDERS_CORS_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// Hosts that requests may name besides the loopback names, separated by commas, e.g. orders.example.com.
    ///
    /// Without a port. On a loopback address the service answers to no other host. On another address it answers to any host if this setting is empty.
    #[arg(long, env = "ORDERS_ALLOWED_HOSTS", value_name = "ORDERS_ALLOWED_HOSTS", value_delimiter = ',', value_parser = host)]
    pub allowed_hosts: Vec<String>,

    /// Path in front of every path of the service, e.g. /shop, for a proxy that removes it.
    ///
    /// The service adds it to the paths that it sends: in Location, Link, problems, the console and /openapi.json. It still serves paths without it.
    #[arg(long, env = "ORDERS_BASE_PATH", value_name = "ORDERS_BASE_PATH", default_value = "/", value_parser = base_path)]
    pub base_path: String,

    /// Maximum size of a request body, in bytes, 1024 to 16777216.
    ///
    /// The service refuses a larger body with a 413.
    #[arg(long, env = "ORDERS_MAX_BODY_BYTES", value_name = "ORDERS_MAX_BODY_BYTES", default_value_t = 65_536, value_parser = value_parser!(u32).range(1024..=16_777_216))]
    pub max_body_bytes: u32,

    /// Maximum size of the headers of a request, in bytes, 1024 to 65536.
    ///
    /// The service refuses larger headers with a 431.
    #[arg(long, env = "ORDERS_MAX_HEADER_BYTES", value_name = "ORDERS_MAX_HEADER_BYTES", default_value_t = 16_384, value_parser = value_parser!(u32).range(1024..=65_536))]
    pub max_header_bytes: u32,

    /// Maximum number of client connections at a time, 1 to 1000000.
    ///
    /// Further connections wait until one closes. At most half of the maximum may wait for events.
    #[arg(long, env = "ORDERS_MAX_CONNECTIONS", value_name = "ORDERS_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// How long a client connection may be idle between two requests, in seconds, 1 to 3600.
    ///
    /// After that time the service closes it.
    #[arg(long, env = "ORDERS_KEEP_ALIVE_SECS", value_name = "ORDERS_KEEP_ALIVE_SECS", default_value_t = 75, value_parser = value_parser!(u64).range(1..=3600))]
    pub keep_alive_secs: u64,

    /// How long the head of a request, and then its body, may take to arrive, in seconds, 1 to 600.
    ///
    /// After that time the service answers with a 408.
    #[arg(long, env = "ORDERS_CLIENT_TIMEOUT_SECS", value_name = "ORDERS_CLIENT_TIMEOUT_SECS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=600))]
    pub client_timeout_secs: u64,

    /// How long a client may leave sent data unread, in seconds, 1 to 3600.
    ///
    /// After that time the service closes the connection.
    #[arg(long, env = "ORDERS_SEND_TIMEOUT_SECS", value_name = "ORDERS_SEND_TIMEOUT_SECS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub send_timeout_secs: u64,

    /// How long an event stream may be silent, in seconds, 1 to 300.
    ///
    /// After that time the service sends a comment, which shows that the stream is alive.
    #[arg(long, env = "ORDERS_HEARTBEAT_SECS", value_name = "ORDERS_HEARTBEAT_SECS", default_value_t = 15, value_parser = value_parser!(u64).range(1..=300))]
    pub heartbeat_secs: u64,

    /// Format of the log lines: pretty for people, json for programs.
    ///
    /// RUST_LOG sets the levels, e.g. info,orders::domain=debug.
    #[arg(
        long,
        env = "ORDERS_LOG_FORMAT",
        value_name = "ORDERS_LOG_FORMAT",
        value_enum,
        default_value = "pretty",
        global = true
    )]
    pub log_format: LogFormat,

    /// Directory for log files, which the service writes in addition to standard error.
    ///
    /// The service creates the directory, writes orders.log and keeps five older files. Each instance needs its own directory.
    #[arg(long, env = "ORDERS_LOG_DIR", value_name = "ORDERS_LOG_DIR")]
    pub log_dir: Option<PathBuf>,

    /// Size at which the service starts a new log file, in bytes, 4096 to 1073741824.
    ///
    /// It has an effect only with ORDERS_LOG_DIR.
    #[arg(long, env = "ORDERS_LOG_FILE_BYTES", value_name = "ORDERS_LOG_FILE_BYTES", default_value_t = 10_485_760, value_parser = value_parser!(u64).range(4096..=1_073_741_824))]
    pub log_file_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "ORDERS_BIND={0} is not a loopback address, and the service authenticates nobody: \
         set ORDERS_AUTH=keys or ORDERS_AUTH=jwt, use 127.0.0.1 or [::1], or set ORDERS_ALLOW_ANONYMOUS=true"
    )]
    AnonymousOnNetwork(SocketAddr),
    #[error("ORDERS_AUTH has none beside another value: use none, keys, jwt, or keys,jwt")]
    NoneAndMore,
    #[error(
        "ORDERS_KAFKA_SECURITY_PROTOCOL requires a user and a password: set ORDERS_KAFKA_USERNAME and \
         ORDERS_KAFKA_PASSWORD, or use plaintext or ssl"
    )]
    NoKafkaCredentials,
}

impl Config {
    /// Checks the rules that concern more than one setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        let has_none = self.access.accepts(AuthKind::None);
        if has_none && self.access.auth.len() > 1 {
            Err(ConfigError::NoneAndMore)
        } else if has_none && !self.bind.ip().is_loopback() && !self.allow_anonymous {
            Err(ConfigError::AnonymousOnNetwork(self.bind))
        } else if self.sinks.lacks_kafka_credentials() {
            Err(ConfigError::NoKafkaCredentials)
        } else {
            Ok(())
        }
    }

    pub const fn db_acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.db_acquire_timeout_ms)
    }

    pub const fn pricing_timeout(&self) -> Duration {
        Duration::from_millis(self.pricing_timeout_ms)
    }
}

/// Parses a path of plain characters (RFC 3986, section 2.3). Returns it without the slash at its end.
fn base_path(text: &str) -> Result<String, String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    if path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment)) {
        Ok(path.to_owned())
    } else {
        Err("a base path is / or begins with one, e.g. /shop, and has letters, digits and -._~ only".to_owned())
    }
}

/// Parses a scheme and a host, with a port if it is not the scheme's default (RFC 6454, section 6.2).
fn origin(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (host, port) = authority.map_or(("", None), |authority| match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    });
    if is_host(host) && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("an origin is a scheme and a host, e.g. https://shop.example.com, without a path".to_owned())
    }
}

fn host(text: &str) -> Result<String, String> {
    if is_host(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a host is a name or an address, e.g. orders.example.com or [2001:db8::1], without a port".to_owned())
    }
}

fn is_host(host: &str) -> bool {
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    is_name || address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}
