//! The commands other than serving, which needs none.

use clap::{Args, Subcommand, ValueEnum};

use super::sink_command::SinksCommand;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Compare every order with its events, and check that no position of the event log is missing.
    ///
    /// Safe while the service runs. Exit status: 0 if everything agrees, 1 if something does not, 2 if the database cannot be read.
    Verify,
    /// Check whether the service that runs with the same settings is ready.
    ///
    /// Exit status: 0 if it is ready, 1 if it is not.
    Healthcheck,
    /// Create, list, revoke and rotate API keys, of any tenant.
    ///
    /// Works on the database of the service with the same settings, while the service runs or not.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// List, pause, resume and move the sinks of the event log.
    ///
    /// Works on the database of the service with the same settings, while the service runs or not.
    #[command(subcommand)]
    Sinks(SinksCommand),
    /// Build a read model anew, from the orders as they are.
    ///
    /// Safe while the service runs: the figures are complete at every moment.
    Rebuild {
        /// stats: the figures of GET /orders/stats.
        model: ReadModel,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReadModel {
    Stats,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// Create a key, and print it to standard output: once, and never again.
    Create(CreateKeyArgs),
    /// List the keys of a tenant, the newest first.
    List {
        #[command(flatten)]
        tenant: TenantArg,
    },
    /// Revoke a key: every instance refuses it within five seconds.
    Revoke {
        /// The id of the key: the 16 digits after ord_.
        key_id: String,
        #[command(flatten)]
        tenant: TenantArg,
    },
    /// Give a key another secret, and print the key to standard output: once, and never again.
    Rotate {
        /// The id of the key: the 16 digits after ord_.
        key_id: String,
        /// For how many seconds the secret before stays valid, 0 to 604800.
        #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(0..=604_800))]
        overlap_secs: u64,
        #[command(flatten)]
        tenant: TenantArg,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct CreateKeyArgs {
    /// What people call the key.
    #[arg(long)]
    pub name: String,
    /// What the key allows, separated by commas or spaces, e.g. orders:read,orders:write; all for every scope.
    #[arg(long, alias = "scopes", required = true, value_delimiter = ',')]
    pub scope: Vec<String>,
    /// The only customer whose orders the key sees; all customers without it.
    #[arg(long)]
    pub customer: Option<String>,
    /// For how many days the key is valid; for ever without it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub expires_in_days: Option<u32>,
    #[command(flatten)]
    pub tenant: TenantArg,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TenantArg {
    /// The tenant of the key.
    #[arg(long, default_value = "default")]
    pub tenant: String,
}
