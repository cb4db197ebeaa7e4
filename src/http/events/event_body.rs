use std::sync::LazyLock;

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::schema::{ObjectBuilder, Type},
};

use crate::{
    app::EVENT_TYPES,
    domain::OrderId,
    http::{
        request::parameters::{Query, parsed},
        routing::openapi::Doc,
    },
};

/// CloudEvents 1.0, JSON format, section 4: a JSON array of events.
pub(crate) static BATCH: LazyLock<mime::Mime> = LazyLock::new(|| {
    let media_type = "application/cloudevents-batch+json";
    media_type.parse().unwrap_or(mime::APPLICATION_JSON)
});

/// An event, as CloudEvents 1.0 has it: the same object in the feed, the stream and the history of an order.
#[derive(ToSchema)]
#[schema(as = CloudEvent)]
#[expect(dead_code, reason = "the schema of what `LoggedEvent::cloud_event` writes")]
pub(crate) struct EventBody {
    #[schema(pattern = r"^1\.0$")]
    specversion: String,
    /// A UUID: the same event, told twice, has the same id.
    #[schema(format = "uuid")]
    id: String,
    #[schema(pattern = "^/orders$")]
    source: String,
    #[schema(schema_with = type_schema)]
    r#type: String,
    /// The order.
    #[schema(format = "uuid")]
    subject: String,
    /// RFC 3339, UTC.
    #[schema(format = "date-time")]
    time: String,
    /// The position in the log, from 1: dense, and in the order of the commits. A string, for integers of CloudEvents have 32 bits.
    #[schema(pattern = "^[1-9][0-9]*$")]
    sequence: String,
    /// The version of the order that the event led to.
    #[schema(minimum = 1)]
    orderversion: u32,
    #[schema(pattern = "^[a-z0-9_-]{1,64}$")]
    tenant: String,
    #[schema(pattern = "^application/json$")]
    datacontenttype: String,
    /// What happened; docs/events has the JSON Schema of each type.
    #[schema(schema_with = data_schema)]
    data: Value,
}

fn type_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(EVENT_TYPES))
}

fn data_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

pub(crate) fn event_example() -> Value {
    json!({
        "specversion": "1.0", "id": "01890a5d-ac97-7b1c-8d5e-3f2a1b0c9d8e", "source": "/orders",
        "type": "order.created.v1", "subject": "01890a5d-ac96-774b-bcce-b302099a8057", "time": "2026-01-31T12:00:00Z",
        "sequence": "1", "orderversion": 1, "tenant": "default", "datacontenttype": "application/json",
        "data": {"customer_id": "customer-7", "currency": "EUR"},
    })
}

/// The filters of the feed and the stream.
pub(crate) struct EventQuery {
    pub(crate) order_id: Option<OrderId>,
    pub(crate) types: Vec<&'static str>,
}

impl EventQuery {
    pub(crate) fn of(query: &mut Query<'_>) -> Self {
        Self {
            order_id: query.optional("order_id", parsed),
            types: query.optional("type", event_types).unwrap_or_default(),
        }
    }
}

/// One or more types, separated by commas.
fn event_types(text: &str) -> Result<Vec<&'static str>, String> {
    let known = |name: &str| EVENT_TYPES.into_iter().find(|known| *known == name);
    let types: Option<Vec<_>> = text.split(',').map(known).collect();
    types.ok_or_else(|| format!("The value is one or more of {}, separated by commas.", EVENT_TYPES.join(", ")))
}

/// The filters, as the document tells them.
pub(crate) fn wanted_doc(doc: Doc) -> Doc {
    let one = format!("({})", EVENT_TYPES.join("|").replace('.', r"\."));
    doc.parameter("query", "order_id", &json!({"type": "string", "format": "uuid"}), "Only events of this order")
        .parameter(
            "query",
            "type",
            &json!({"type": "string", "pattern": format!("^{one}(,{one})*$")}),
            "Only events of these types, separated by commas",
        )
}
