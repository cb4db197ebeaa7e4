use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::event_type,
    domain::{Actor, OrderEvent, OrderId, TenantId},
};

/// An event in the event log. Its data is passed on as it was written, so a release also sends events whose type it does
/// not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    pub numbers: Numbers,
    pub tenant: TenantId,
    pub cause: Cause,
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

/// What an event was caused by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// `None` for nobody in particular.
    pub actor: Option<Actor>,
    /// The trace of the request (W3C Trace Context). `None` if the caller sent none.
    pub traceparent: Option<String>,
}

/// The places of an event. Both numbers begin with 1, are dense, and in the order of the commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// In the whole event log.
    pub position: u64,
    /// Among the events of its tenant.
    pub sequence: u64,
}

impl LoggedEvent {
    /// `data` is the result of `encode_data`.
    pub fn new(numbers: Numbers, tenant: &TenantId, cause: Cause, event: &OrderEvent, data: String) -> Self {
        Self {
            numbers,
            tenant: tenant.clone(),
            cause,
            event_id: event.event_id,
            order_id: event.order_id,
            version: event.version,
            event_type: event_type(&event.kind).to_owned(),
            occurred_at: event.occurred_at,
            data,
        }
    }
}

/// Who receives an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A reader of the tenant of the event.
    Tenant,
    /// A reader of all tenants, who also gets the position.
    AllTenants,
}

/// The events that a reader wants: those that meet every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// A reader of one tenant counts by sequences. `None` for every tenant: such a reader counts by positions.
    pub tenant: Option<TenantId>,
    pub order_id: Option<OrderId>,
    /// One of these types; empty for every type.
    pub types: Vec<&'static str>,
}

impl EventFilter {
    /// The number by which the reader counts.
    pub const fn number(&self, event: &LoggedEvent) -> u64 {
        if self.tenant.is_some() { event.numbers.sequence } else { event.numbers.position }
    }

    pub const fn audience(&self) -> Audience {
        if self.tenant.is_some() { Audience::Tenant } else { Audience::AllTenants }
    }

    /// Whether the event is in the part of the event log that the reader counts.
    pub fn counts(&self, event: &LoggedEvent) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == event.tenant)
    }

    pub fn admits(&self, event: &LoggedEvent) -> bool {
        self.counts(event)
            && self.order_id.is_none_or(|order_id| order_id == event.order_id)
            && (self.types.is_empty() || self.types.contains(&event.event_type.as_str()))
    }
}
