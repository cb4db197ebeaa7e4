use std::fmt::{self, Write};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::app::{Audience, Cause, LoggedEvent};

use super::EVENT_TYPES;

/// The URI reference of the service that events come from.
const SOURCE: &str = "/orders";

const DATA_CONTENT_TYPE: &str = "application/json";

/// The value of an attribute of an event. `Display` writes it in the string form of CloudEvents (section 3.1 of its
/// specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    Text(&'a str),
    Uuid(Uuid),
    /// A number of the event log, with leading zeros: the order of the strings is the order of the events, as the Sequence
    /// extension demands. It is a string, because integers of CloudEvents have 32 bits.
    Number(u64),
    Time(OffsetDateTime),
    Integer(u32),
}

impl fmt::Display for AttributeValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(id) => write!(f, "{id}"),
            Self::Number(number) => write!(f, "{number:019}"),
            Self::Time(time) => f.write_str(&time.format(&Rfc3339).unwrap_or_default()),
            Self::Integer(integer) => write!(f, "{integer}"),
        }
    }
}

impl LoggedEvent {
    /// The attributes of the event as every consumer receives it, without its data (CloudEvents 1.0, with the extensions
    /// Sequence, Partitioning, Auth Context and Distributed Tracing, and three of this service).
    pub fn attributes(&self, audience: Audience) -> impl Iterator<Item = (&'static str, AttributeValue<'_>)> {
        use AttributeValue::{Integer, Number, Text, Time};
        let order_id = AttributeValue::Uuid(self.order_id.as_uuid());
        let Cause { actor, traceparent } = &self.cause;
        let text = |name, value: Option<_>| value.map(|value| (name, Text(value)));
        let known = [
            ("specversion", Text("1.0")),
            ("id", AttributeValue::Uuid(self.event_id)),
            ("source", Text(SOURCE)),
            ("type", Text(&self.event_type)),
            ("subject", order_id),
            ("time", Time(self.occurred_at)),
            ("sequence", Number(self.numbers.sequence)),
            ("orderversion", Integer(self.version)),
            ("tenant", Text(self.tenant.as_str())),
            ("partitionkey", order_id),
        ];
        let position = (audience == Audience::AllTenants).then_some(("position", Number(self.numbers.position)));
        let optional = [
            position,
            text("authtype", actor.as_ref().map(|actor| &*actor.authtype)),
            text("authid", actor.as_ref().map(|actor| &*actor.authid)),
            text("traceparent", traceparent.as_deref()),
        ];
        let data = ("datacontenttype", Text(DATA_CONTENT_TYPE));
        known.into_iter().chain(optional.into_iter().flatten()).chain([data])
    }

    /// The event in the JSON format of CloudEvents 1.0 (section 3 of that format).
    pub fn cloud_event(&self, audience: Audience) -> String {
        let mut json = String::with_capacity(512 + self.data.len());
        json.push('{');
        // Writing to a string does not fail.
        for (name, value) in self.attributes(audience) {
            let _ = match value {
                AttributeValue::Integer(_) => write!(json, r#""{name}":{value},"#),
                AttributeValue::Text(text) if needs_escapes(text) => write!(json, r#""{name}":{},"#, json_text(text)),
                _ => write!(json, r#""{name}":"{value}","#),
            };
        }
        let _ = write!(json, r#""data":{}}}"#, self.data);
        json
    }
}

fn needs_escapes(text: &str) -> bool {
    text.bytes().any(|b| b < b' ' || matches!(b, b'"' | b'\\'))
}

/// A string always serializes.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// What an event may lack.
const OPTIONAL: [&str; 4] = ["position", "authtype", "authid", "traceparent"];

/// The JSON Schema of what `cloud_event` writes.
pub fn cloud_event_schema() -> Value {
    let known = EVENT_TYPES.join(", ");
    let properties = json!({
        "specversion": {"type": "string", "pattern": r"^1\.0$"},
        "id": {
            "type": "string", "format": "uuid",
            "description": "A UUID. An event that is delivered twice has the same id both times.",
        },
        "source": {"type": "string", "pattern": format!("^{SOURCE}$")},
        "type": {
            "type": "string", "pattern": r"^[a-z0-9_.]+\.v[0-9]+$",
            "description": format!("One of {known}. A newer release may add types: ignore those that you do not know."),
            "examples": EVENT_TYPES, "x-extensible-enum": EVENT_TYPES,
        },
        "subject": {"type": "string", "format": "uuid", "description": "The order."},
        "time": {"type": "string", "format": "date-time", "description": "RFC 3339, UTC."},
        "sequence": {
            "type": "string", "pattern": "^[0-9]{19}$",
            "description": "The place among the events of the tenant, from 1: dense, and in the order of the commits. 19 \
                digits with leading zeros, so that the order of the strings is the order of the events (Sequence extension \
                of CloudEvents).",
        },
        "orderversion": {
            "type": "integer", "format": "int32", "minimum": 1,
            "description": "The version of the order after this event.",
        },
        "tenant": {"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"},
        "partitionkey": {
            "type": "string", "format": "uuid",
            "description": "The order: the events of one order are in their order (Partitioning extension of CloudEvents).",
        },
        "position": {
            "type": "string", "pattern": "^[0-9]{19}$",
            "description": "The place in the whole event log, from 1: dense, and in the order of the commits. 19 digits with \
                leading zeros. Only readers of all tenants get it.",
        },
        "authtype": {
            "type": "string",
            "description": "How the actor is known (Auth Context extension of CloudEvents): api_key, user, or a kind that a \
                newer release adds. Absent without access control, and in events from before it.",
        },
        "authid": {
            "type": "string",
            "description": "Who did it: the id of the API key, or the subject of the token. Present with authtype.",
        },
        "traceparent": {
            "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "The trace of the request that caused the event (Distributed Tracing extension of CloudEvents; W3C \
                Trace Context). Absent if the request had none.",
        },
        "datacontenttype": {"type": "string", "pattern": "^application/json$"},
        "data": {"type": "object", "description": "What happened; docs/events has the JSON Schema of each type."},
    });
    let names = properties.as_object().into_iter().flat_map(|fields| fields.keys());
    let required: Vec<&String> = names.filter(|name| !OPTIONAL.contains(&name.as_str())).collect();
    json!({
        "type": "object",
        "description": "An event of CloudEvents 1.0: the same object in the feed, the stream and the history of an order.",
        "required": required,
        "properties": properties,
    })
}
