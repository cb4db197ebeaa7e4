use std::sync::LazyLock;

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::app::{Audience, LoggedEvent, cloud_event_schema};

/// CloudEvents 1.0, JSON format, section 4: a JSON array of events.
pub(crate) static BATCH: LazyLock<mime::Mime> = LazyLock::new(|| {
    let media_type = "application/cloudevents-batch+json";
    media_type.parse().unwrap_or(mime::APPLICATION_JSON)
});

/// The schema of an event. The app layer writes events, and has their schema beside the writer.
pub(crate) struct CloudEvent;

impl ToSchema for CloudEvent {}

impl PartialSchema for CloudEvent {
    fn schema() -> RefOr<Schema> {
        // A test compares every answer with the document, so a schema that is lost here fails it.
        serde_json::from_value(cloud_event_schema()).unwrap_or_default()
    }
}

pub(crate) fn event_example() -> Value {
    json!({
        "specversion": "1.0", "id": "01890a5d-ac97-7b1c-8d5e-3f2a1b0c9d8e", "source": "/orders",
        "type": "order.created.v1", "subject": "01890a5d-ac96-774b-bcce-b302099a8057", "time": "2026-01-31T12:00:00Z",
        "sequence": "0000000000000000001", "orderversion": 1, "tenant": "default",
        "partitionkey": "01890a5d-ac96-774b-bcce-b302099a8057", "datacontenttype": "application/json",
        "data": {"customer_id": "customer-7", "currency": "EUR"},
    })
}

/// The JSON array of the events (CloudEvents 1.0, JSON format, section 4).
pub(crate) fn cloud_events(events: &[LoggedEvent], audience: Audience) -> String {
    let mut json = String::from("[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(&event.cloud_event(audience));
    }
    json.push(']');
    json
}
