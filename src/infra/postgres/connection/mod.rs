//! Connections to PostgreSQL.

mod connect;
mod connections;

pub(crate) use connect::{LOCK_TIMEOUT, bounded, by_key, pool};
pub use connect::{PoolSettings, connect_options};
pub(crate) use connections::{ConnectionLease, Connections, SHARED_WORK_TIMEOUT, no_answer};
