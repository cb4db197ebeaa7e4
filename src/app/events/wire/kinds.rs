use crate::domain::OrderEventKind;

use super::{
    data::{self, EventData, EventDataError},
    schema::schema_text,
};

/// Makes everything that depends on the list of kinds. A row has the type string, the variant of [`OrderEventKind`] with its
/// fields, and by the same name the struct in `data`.
macro_rules! kinds {
    ($($name:literal => $kind:ident { $($field:ident),* })+) => {
        /// The type string of each kind of event. Its suffix is the version of the data's schema.
        pub const EVENT_TYPES: [&str; [$($name),+].len()] = [$($name),+];

        pub const fn event_type(kind: &OrderEventKind) -> &'static str {
            match kind {
                $(OrderEventKind::$kind { .. } => $name,)+
            }
        }

        /// The data of an event: a JSON object on one line.
        pub fn encode_data(kind: &OrderEventKind) -> Result<String, EventDataError> {
            Ok(match kind {
                $(OrderEventKind::$kind { $($field),* } => serde_json::to_string(&data::$kind::from(($($field,)*)))?,)+
            })
        }

        /// Unknown fields are ignored: a newer release may have added them.
        pub fn decode_data(event_type: &str, data: &str) -> Result<OrderEventKind, EventDataError> {
            match event_type {
                $($name => {
                    let ($($field,)*) = serde_json::from_str::<data::$kind>(data)?.into_fields()?;
                    Ok(OrderEventKind::$kind { $($field),* })
                })+
                unknown => Err(EventDataError::UnknownType(unknown.to_owned())),
            }
        }

        /// The JSON Schema of the data of this type of event, as `docs/events` has it.
        pub fn data_schema(event_type: &str) -> Option<String> {
            match event_type {
                $($name => Some(schema_text::<data::$kind>($name)),)+
                _ => None,
            }
        }
    };
}

kinds! {
    "order.created.v1" => OrderCreated { customer_id, currency }
    "order.item_added.v1" => ItemAdded { line, sku, name, quantity, unit_price }
    "order.quantity_changed.v1" => QuantityChanged { line, quantity }
    "order.item_removed.v1" => ItemRemoved { line }
    "order.placed.v1" => OrderPlaced {}
    "order.cancelled.v1" => OrderCancelled { reason }
    "order.fulfilled.v1" => OrderFulfilled {}
}
