//! Connections to PostgreSQL.

mod connect;
mod connections;
mod deadline;
mod pool;
mod socket;
mod transaction;

pub(crate) use connect::{LOCK_TIMEOUT, bounded, by_key, open_session};
pub use connect::{PoolSettings, connect_options};
pub(crate) use connections::{ConnectionLease, Connections};
pub(crate) use deadline::{StatementTime, in_time, no_answer};
pub(crate) use transaction::OwnTransaction;
