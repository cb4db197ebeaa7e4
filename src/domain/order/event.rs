use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{CancelReason, Currency, CustomerId, OrderId, Price, ProductName, Quantity, Sku};

/// One thing that happened to one order. The events of an order, in the order of their versions, are the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// A UUID, version 7: the same wherever the event is told.
    pub event_id: Uuid,
    pub order_id: OrderId,
    /// 1 for the first event of the order, without holes.
    pub version: u32,
    /// UTC, to the microsecond, never before the event ahead of it.
    pub occurred_at: OffsetDateTime,
    pub kind: OrderEventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEventKind {
    OrderCreated { customer_id: CustomerId, currency: Currency },
    ItemAdded { line: u32, sku: Sku, name: ProductName, quantity: Quantity, unit_price: Price },
    QuantityChanged { line: u32, quantity: Quantity },
    ItemRemoved { line: u32 },
    OrderPlaced,
    OrderCancelled { reason: Option<CancelReason> },
    OrderFulfilled,
}

/// What an event takes from outside: its own id and the time on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    event_id: Uuid,
    at: OffsetDateTime,
}

impl Stamp {
    /// Cuts the time to whole microseconds, which is what a database keeps of it.
    pub fn new(event_id: Uuid, at: OffsetDateTime) -> Self {
        let at = at.replace_nanosecond(at.nanosecond() / 1000 * 1000).unwrap_or(at);
        Self { event_id, at }
    }

    pub const fn event_id(self) -> Uuid {
        self.event_id
    }

    pub const fn at(self) -> OffsetDateTime {
        self.at
    }
}
