use std::fmt::Write;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::{
    app::{Audience, LoggedEvent},
    domain::Actor,
};

use super::EVENT_TYPES;

/// The URI reference of the service that events come from.
const SOURCE: &str = "/orders";

/// A string always serializes.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

impl LoggedEvent {
    /// The event as every consumer receives it: an event of CloudEvents 1.0 in the JSON format (section 3 of that format).
    ///
    /// `sequence` and `position` are strings, because integers of CloudEvents have 32 bits.
    pub fn cloud_event(&self, audience: Audience) -> String {
        let mut json = String::with_capacity(384 + self.data.len());
        // JSON would escape no character of these values. Writing to a string does not fail.
        let _ = write!(
            json,
            r#"{{"specversion":"1.0","id":"{}","source":"{SOURCE}","type":"{}","subject":"{}","time":"{}","sequence":"{}","orderversion":{},"tenant":"{}","#,
            self.event_id,
            self.event_type,
            self.order_id,
            self.occurred_at.format(&Rfc3339).unwrap_or_default(),
            self.numbers.sequence,
            self.version,
            self.tenant,
        );
        if audience == Audience::AllTenants {
            let _ = write!(json, r#""position":"{}","#, self.numbers.position);
        }
        if let Some(Actor { authtype, authid }) = &self.actor {
            let _ = write!(json, r#""authtype":{},"authid":{},"#, json_text(authtype), json_text(authid));
        }
        let _ = write!(json, r#""datacontenttype":"application/json","data":{}}}"#, self.data);
        json
    }
}

/// What an event may lack.
const OPTIONAL: [&str; 3] = ["position", "authtype", "authid"];

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
            "type": "string", "pattern": "^[1-9][0-9]*$",
            "description": "The place among the events of the tenant, from 1: dense, and in the order of the commits. It is a \
                string, because integers of CloudEvents have 32 bits.",
        },
        "orderversion": {
            "type": "integer", "format": "int32", "minimum": 1,
            "description": "The version of the order after this event.",
        },
        "tenant": {"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"},
        "position": {
            "type": "string", "pattern": "^[1-9][0-9]*$",
            "description": "The place in the whole event log, from 1: dense, and in the order of the commits. Only readers of \
                all tenants get it.",
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
