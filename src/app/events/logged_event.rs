use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::event_type,
    domain::{OrderEvent, OrderId, TenantId},
};

/// An event in the event log. Its data is passed on as it was written, so a release also sends events whose type it does
/// not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// 1 for the first event of the event log; dense, and in commit order.
    pub position: u64,
    pub tenant: TenantId,
    pub event_id: Uuid,
    pub order_id: OrderId,
    /// 1 for the first event of the order.
    pub version: u32,
    /// e.g. `order.created.v1`: letters, digits, dots and underscores.
    pub event_type: String,
    pub occurred_at: OffsetDateTime,
    /// A JSON object, on one line.
    pub data: String,
}

impl LoggedEvent {
    /// `data` is the result of `encode_data`.
    pub fn new(position: u64, tenant: &TenantId, event: &OrderEvent, data: String) -> Self {
        Self {
            position,
            tenant: tenant.clone(),
            event_id: event.event_id,
            order_id: event.order_id,
            version: event.version,
            event_type: event_type(&event.kind).to_owned(),
            occurred_at: event.occurred_at,
            data,
        }
    }
}

/// The events that a reader wants: those that meet every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// `None` for every tenant.
    pub tenant: Option<TenantId>,
    pub order_id: Option<OrderId>,
    /// One of these types; empty for every type.
    pub types: Vec<&'static str>,
}

impl EventFilter {
    pub fn admits(&self, event: &LoggedEvent) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == event.tenant)
            && self.order_id.is_none_or(|order_id| order_id == event.order_id)
            && (self.types.is_empty() || self.types.contains(&event.event_type.as_str()))
    }
}
