use std::{future::Future, ops::Range};

use time::OffsetDateTime;

use crate::{
    app::{OrderDetails, OrderSummary},
    domain::{CustomerId, OrderEvent, OrderId, Status, TenantId},
};

use super::RepoError;

/// The read side: what was committed, without the aggregate.
pub trait OrderQueries: Clone + Send + Sync + 'static {
    fn order(
        &self,
        tenant: &TenantId,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<OrderDetails>, RepoError>> + Send;

    /// The order as it was then, folded from the log.
    fn order_as_of(
        &self,
        tenant: &TenantId,
        id: OrderId,
        moment: AsOf,
    ) -> impl Future<Output = Result<HistoricalOrder, RepoError>> + Send;

    /// How many orders the filter lets through.
    fn count(&self, tenant: &TenantId, filter: &OrderFilter) -> impl Future<Output = Result<u64, RepoError>> + Send;

    /// At most `limit` orders, newest first, all of them older than `before`.
    fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OrderSummary>, RepoError>> + Send;

    /// Whether the store answers now and has the schema that this release needs.
    fn ready(&self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// Which orders a list shows: those that meet all that is asked.
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
    /// The ids that orders of the asked times have: the time is in the id.
    pub fn ids(&self) -> Range<OrderId> {
        let start = self.created_from.map_or(OrderId::MIN, OrderId::first_at);
        let end = self.created_to.map_or(OrderId::MAX, OrderId::first_at);
        start..end
    }
}

/// A moment in the life of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Right after this version.
    Version(u32),
    /// With all that had happened by this time.
    Time(OffsetDateTime),
}

impl AsOf {
    /// Whether the event had happened by then.
    pub fn admits(self, event: &OrderEvent) -> bool {
        match self {
            Self::Version(version) => event.version <= version,
            Self::Time(time) => event.occurred_at <= time,
        }
    }

    /// Whether an order whose last admitted event this is had come so far.
    pub fn is_reached_by(self, last: Option<&OrderEvent>) -> bool {
        match (self, last) {
            (_, None) => false,
            (Self::Version(version), Some(last)) => last.version == version,
            (Self::Time(_), Some(_)) => true,
        }
    }
}

/// What the log knows of a moment in the life of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoricalOrder {
    Order(OrderDetails),
    /// There was no such order yet, or it had not come so far.
    NotThen,
    /// Its first events were retired.
    Retired,
}
