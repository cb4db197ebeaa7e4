//! The store in PostgreSQL. Every statement is checked against the schema at compile time.

mod api_keys;
mod batched_reads;
mod connection;
mod errors;
mod event_log;
mod group_commit;
mod key_row;
mod keys;
mod listeners;
mod migrate;
mod order_stats;
mod queries;
mod queue;
mod readiness;
mod recent;
mod repo;
mod row_tenant;
mod rows;
mod sink_cursors;
mod store;
mod turns;
mod unit_of_work;
mod verify;
mod worker;

pub(super) use connection::bounded;
pub use connection::{PoolSettings, connect_options};
pub use errors::StatementError;
pub use migrate::{MigrateError, migrate};
pub use order_stats::{OrderStatsProjection, RebuiltStats};
pub use store::PgStore;
pub use verify::{Finding, VerifyError, VerifyReport, verify};
