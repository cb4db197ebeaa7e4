use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{CancelReason, Currency, CustomerId, OrderId, Price, ProductName, Quantity, Sku};

/// One change of one order. An order is the fold of its events by version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// A UUID, version 7. It stays the same wherever the event is sent.
    pub event_id: Uuid,
    pub order_id: OrderId,
    /// 1 for the first event of the order, and dense.
    pub version: u32,
    /// UTC, in microseconds, never earlier than the previous event of the order.
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

/// The parts of an event that come from outside the order: its id and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    event_id: Uuid,
    at: OffsetDateTime,
}

impl Stamp {
    /// Cuts the time to whole microseconds, because databases store no more.
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
