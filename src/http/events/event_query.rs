use serde_json::{Value, json};

use crate::{
    app::{EVENT_TYPES, EventFilter, GetOrder, Ports},
    domain::{OrderId, Scope},
    http::{
        middleware::authorize::demand_scope,
        request::{caller::Caller, query::Parameters, text::TextValue},
        response::{code::Code, problem::Problem},
    },
};

/// The highest position that an event can get.
pub(crate) const MAX_POSITION: u64 = i64::MAX.cast_unsigned();

/// The filters of the feed and the stream.
pub(crate) struct EventQuery {
    order_id: Option<OrderId>,
    types: Option<EventTypes>,
    all_tenants: bool,
}

impl EventQuery {
    pub(crate) fn define(parameters: &mut impl Parameters) -> Self {
        Self {
            order_id: parameters.optional("order_id", "Only events of this order"),
            types: parameters.optional("type", "Only events of these types, separated by commas"),
            all_tenants: parameters.flag(
                "all_tenants",
                "Whether to read the whole event log, by position; needs the scope events:read:all",
            ),
        }
    }

    /// The events that the caller may see of those that it asks for.
    pub(crate) async fn filter<P: Ports>(self, ports: &P, caller: &Caller) -> Result<EventFilter, Problem> {
        let Self { order_id, types, all_tenants } = self;
        let principal = &caller.principal;
        let types = types.map(|EventTypes(types)| types).unwrap_or_default();
        if principal.customer.is_some() {
            let detail = "The credential sees one customer. It reads the events of one order at a time: send order_id.";
            let Some(order_id) = order_id.filter(|_| !all_tenants) else {
                return Err(Problem::new(Code::OtherCustomer, detail));
            };
            GetOrder(ports).execute(principal, order_id, None).await?;
        }
        if all_tenants {
            demand_scope(caller, Scope::EventsReadAll)?;
        }
        let tenant = (!all_tenants).then(|| principal.tenant.clone());
        Ok(EventFilter { tenant, order_id, types })
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
