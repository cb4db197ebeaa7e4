//! The read model `order_stats`: figures of orders by the time of their creation, their status and their currency.
//!
//! `projection` is the sink that keeps it, `changes` computes what a batch of events changes, `snapshot` builds it anew, and
//! `read` answers queries.

mod changes;
mod projection;
mod read;
mod snapshot;

pub(super) use changes::{Change, ChangedOrders};
pub use projection::OrderStatsProjection;
pub use snapshot::RebuiltStats;
