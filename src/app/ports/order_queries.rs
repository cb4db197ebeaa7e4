use std::{future::Future, ops::Range};

use time::OffsetDateTime;

use crate::{
    app::{OrderDetails, OrderSummary},
    domain::{CustomerId, OrderEvent, OrderId, Status, TenantId},
};

use super::RepoError;

/// The read side: committed orders, without the aggregate.
pub trait OrderQueries: Clone + Send + Sync + 'static {
    fn order(
        &self,
        tenant: &TenantId,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<OrderDetails>, RepoError>> + Send;

    /// The order as it was then, replayed from its events.
    fn order_as_of(
        &self,
        tenant: &TenantId,
        id: OrderId,
        moment: AsOf,
    ) -> impl Future<Output = Result<HistoricalOrder, RepoError>> + Send;

    /// The number of orders that match the filter.
    fn count(&self, tenant: &TenantId, filter: &OrderFilter) -> impl Future<Output = Result<u64, RepoError>> + Send;

    /// At most `limit` orders that are older than `before`, newest first.
    fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OrderSummary>, RepoError>> + Send;

    /// `Ok` if the store answers and has the schema that this release needs.
    fn ready(&self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// The orders that a list shows: those that meet every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderFilter {
    pub customer_id: Option<CustomerId>,
    pub status: Option<Status>,
    /// Created at this time or later.
    pub created_from: Option<OffsetDateTime>,
    /// Created before this time.
    pub created_to: Option<OffsetDateTime>,
}

impl OrderFilter {
    /// The ids of orders that were created at these times. An id contains its time.
    pub fn ids(&self) -> Range<OrderId> {
        let start = self.created_from.map_or(OrderId::MIN, OrderId::first_at);
        let end = self.created_to.map_or(OrderId::MAX, OrderId::first_at);
        start..end
    }
}

/// A moment in the history of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Right after this version.
    Version(u32),
    /// With every event up to this time.
    Time(OffsetDateTime),
}

impl AsOf {
    /// Whether the event had happened by this moment.
    pub fn admits(self, event: &OrderEvent) -> bool {
        match self {
            Self::Version(version) => event.version <= version,
            Self::Time(time) => event.occurred_at <= time,
        }
    }

    /// Whether an order has this moment, if `last` is its last event up to then.
    pub fn is_reached_by(self, last: Option<&OrderEvent>) -> bool {
        match (self, last) {
            (_, None) => false,
            (Self::Version(version), Some(last)) => last.version == version,
            (Self::Time(_), Some(_)) => true,
        }
    }
}

/// An order at a moment in its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoricalOrder {
    Order(OrderDetails),
    /// The order did not exist yet, or does not have this version.
    NotThen,
    /// Its first events were retired, so it cannot be replayed.
    Retired,
}
