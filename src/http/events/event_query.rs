use serde_json::{Value, json};

use crate::{
    app::{EVENT_TYPES, EventFilter},
    domain::{OrderId, TenantId},
    http::request::{query::Parameters, text::TextValue},
};

/// The highest position that an event can get.
pub(crate) const MAX_POSITION: u64 = i64::MAX.cast_unsigned();

/// The filters of the feed and the stream.
pub(crate) struct EventQuery {
    order_id: Option<OrderId>,
    types: Option<EventTypes>,
}

impl EventQuery {
    pub(crate) fn define(parameters: &mut impl Parameters) -> Self {
        Self {
            order_id: parameters.optional("order_id", "Only events of this order"),
            types: parameters.optional("type", "Only events of these types, separated by commas"),
        }
    }

    pub(crate) fn filter(self, tenant: TenantId) -> EventFilter {
        let types = self.types.map(|EventTypes(types)| types).unwrap_or_default();
        EventFilter { tenant: Some(tenant), order_id: self.order_id, types }
    }
}

/// One or more types, separated by commas.
struct EventTypes(Vec<&'static str>);

impl TextValue for EventTypes {
    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": EVENT_TYPES}})
    }

    fn parse(text: &str) -> Result<Self, String> {
        let known = |name: &str| EVENT_TYPES.into_iter().find(|known| *known == name);
        let types: Option<Vec<_>> = text.split(',').map(known).collect();
        types
            .map(Self)
            .ok_or_else(|| format!("The value is one or more of {}, separated by commas.", EVENT_TYPES.join(", ")))
    }
}
