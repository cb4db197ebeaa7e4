use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::OrderId;

pub trait Clock: Clone + Send + Sync + 'static {
    fn now(&self) -> OffsetDateTime;
}

pub trait IdGenerator: Clone + Send + Sync + 'static {
    fn order_id(&self, created_at: OffsetDateTime) -> OrderId;

    /// A UUID, version 7.
    fn event_id(&self, occurred_at: OffsetDateTime) -> Uuid;
}
