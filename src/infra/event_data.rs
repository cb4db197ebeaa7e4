//! The `data` of each event as JSON: what the log stores, and what every reader of the log gets.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{Currency, Fact, Price};

#[derive(Serialize, Deserialize)]
struct OrderCreated<'a> {
    customer_id: Cow<'a, str>,
    currency: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct ItemAdded<'a> {
    line: u32,
    sku: Cow<'a, str>,
    name: Cow<'a, str>,
    quantity: u16,
    /// Of one unit, with the decimals of the currency.
    price: Cow<'a, str>,
    currency: Cow<'a, str>,
}

/// The log has an event that this release cannot read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventDataError {
    #[error("unknown event type {0}")]
    UnknownType(String),
    #[error("malformed data of an event: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{field} of an event: {reason}")]
    Value { field: &'static str, reason: String },
}

pub(crate) fn encode(fact: &Fact) -> Result<String, serde_json::Error> {
    match fact {
        Fact::OrderCreated { customer_id, currency } => serde_json::to_string(&OrderCreated {
            customer_id: customer_id.as_str().into(),
            currency: currency.code().into(),
        }),
        Fact::ItemAdded { line, sku, name, quantity, unit_price } => serde_json::to_string(&ItemAdded {
            line: *line,
            sku: sku.as_str().into(),
            name: name.as_str().into(),
            quantity: quantity.get(),
            price: unit_price.to_string().into(),
            currency: unit_price.currency().code().into(),
        }),
    }
}

pub(crate) fn decode(event_type: &str, data: &str) -> Result<Fact, EventDataError> {
    match event_type {
        "order.created.v1" => {
            let data: OrderCreated<'_> = serde_json::from_str(data)?;
            Ok(Fact::OrderCreated {
                customer_id: parse("customer_id", &data.customer_id)?,
                currency: parse("currency", &data.currency)?,
            })
        }
        "order.item_added.v1" => {
            let data: ItemAdded<'_> = serde_json::from_str(data)?;
            let currency: Currency = parse("currency", &data.currency)?;
            Ok(Fact::ItemAdded {
                line: data.line,
                sku: parse("sku", &data.sku)?,
                name: parse("name", &data.name)?,
                quantity: checked("quantity", i64::from(data.quantity).try_into())?,
                unit_price: checked("price", Price::parse(&data.price, currency))?,
            })
        }
        unknown => Err(EventDataError::UnknownType(unknown.to_owned())),
    }
}

fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, EventDataError> {
    checked(field, text.parse())
}

fn checked<T, E: Display>(field: &'static str, value: Result<T, E>) -> Result<T, EventDataError> {
    value.map_err(|error| EventDataError::Value { field, reason: error.to_string() })
}
