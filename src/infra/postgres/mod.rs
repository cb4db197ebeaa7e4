//! The store in PostgreSQL. Every statement is checked against the schema at compile time.

mod connect;
mod connections;
mod errors;
mod keys;
mod lane;
mod log;
mod lookups;
mod migrate;
mod queries;
mod queue;
mod recent;
mod repo;
mod rows;
mod store;
mod verify;
mod verify_report;

pub(super) use connect::bounded;
pub use connect::{PoolSettings, connect_options};
pub use migrate::{MigrateError, migrate};
pub use store::PgStore;
pub use verify::{VerifyError, verify};
pub use verify_report::{Finding, VerifyReport};
