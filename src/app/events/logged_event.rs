use std::fmt::Write;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::domain::{OrderId, TenantId};

/// An event as the log has it. What it says is passed on as it was written: a release that does not know
/// an event yet still tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// 1 for the first event of the log; dense, and in the order of the commits.
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
    /// The event as the world outside sees it: an event of CloudEvents 1.0 in its JSON format (section 3 of that format).
    ///
    /// `sequence` is the position as a string, for integers of CloudEvents have 32 bits.
    pub fn cloud_event(&self) -> String {
        let mut json = String::with_capacity(384 + self.data.len());
        // None of the values has a character that JSON escapes. Writing to a string does not fail.
        let _ = write!(
            json,
            r#"{{"specversion":"1.0","id":"{}","source":"/orders","type":"{}","subject":"{}","time":"{}","sequence":"{}","orderversion":{},"tenant":"{}","datacontenttype":"application/json","data":{}}}"#,
            self.event_id,
            self.event_type,
            self.order_id,
            self.occurred_at.format(&Rfc3339).unwrap_or_default(),
            self.position,
            self.version,
            self.tenant,
            self.data,
        );
        json
    }
}

/// Which events a reader of the log wants: those that meet all that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Every tenant's where there is none.
    pub tenant: Option<TenantId>,
    pub order_id: Option<OrderId>,
    /// Any of these; every type where there is none.
    pub types: Vec<&'static str>,
}

impl EventFilter {
    pub fn admits(&self, event: &LoggedEvent) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == event.tenant)
            && self.order_id.is_none_or(|order_id| order_id == event.order_id)
            && (self.types.is_empty() || self.types.contains(&event.event_type.as_str()))
    }
}
