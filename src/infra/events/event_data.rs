//! The `data` of each event as JSON: what the log stores, and what every reader of the log gets.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    app::LoggedEvent,
    domain::{Currency, OrderEvent, OrderEventKind, Price, Quantity, TenantId},
};

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

#[derive(Serialize, Deserialize)]
struct QuantityChanged {
    line: u32,
    quantity: u16,
}

#[derive(Serialize, Deserialize)]
struct ItemRemoved {
    line: u32,
}

#[derive(Serialize, Deserialize)]
struct OrderCancelled<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

/// The data of an event that says everything by its type.
#[derive(Serialize, Deserialize)]
struct Nothing {}

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

/// The event as the log has it at this position.
pub(crate) fn logged(position: u64, tenant: &TenantId, event: &OrderEvent, data: String) -> LoggedEvent {
    LoggedEvent {
        position,
        tenant: tenant.clone(),
        event_id: event.event_id,
        order_id: event.order_id,
        version: event.version,
        event_type: event.kind.event_type().to_owned(),
        occurred_at: event.occurred_at,
        data,
    }
}

pub(crate) fn encode(kind: &OrderEventKind) -> Result<String, serde_json::Error> {
    match kind {
        OrderEventKind::OrderCreated { customer_id, currency } => serde_json::to_string(&OrderCreated {
            customer_id: customer_id.as_str().into(),
            currency: currency.code().into(),
        }),
        OrderEventKind::ItemAdded { line, sku, name, quantity, unit_price } => serde_json::to_string(&ItemAdded {
            line: *line,
            sku: sku.as_str().into(),
            name: name.as_str().into(),
            quantity: quantity.get(),
            price: unit_price.to_string().into(),
            currency: unit_price.currency().code().into(),
        }),
        OrderEventKind::QuantityChanged { line, quantity } => {
            serde_json::to_string(&QuantityChanged { line: *line, quantity: quantity.get() })
        }
        OrderEventKind::ItemRemoved { line } => serde_json::to_string(&ItemRemoved { line: *line }),
        OrderEventKind::OrderCancelled { reason } => {
            serde_json::to_string(&OrderCancelled { reason: reason.as_ref().map(|reason| reason.as_str().into()) })
        }
        OrderEventKind::OrderPlaced | OrderEventKind::OrderFulfilled => serde_json::to_string(&Nothing {}),
    }
}

pub(crate) fn decode(event_type: &str, data: &str) -> Result<OrderEventKind, EventDataError> {
    match event_type {
        "order.created.v1" => {
            let data: OrderCreated<'_> = serde_json::from_str(data)?;
            Ok(OrderEventKind::OrderCreated {
                customer_id: parse("customer_id", &data.customer_id)?,
                currency: parse("currency", &data.currency)?,
            })
        }
        "order.item_added.v1" => {
            let data: ItemAdded<'_> = serde_json::from_str(data)?;
            let currency: Currency = parse("currency", &data.currency)?;
            Ok(OrderEventKind::ItemAdded {
                line: data.line,
                sku: parse("sku", &data.sku)?,
                name: parse("name", &data.name)?,
                quantity: quantity(data.quantity)?,
                unit_price: checked("price", Price::parse(&data.price, currency))?,
            })
        }
        "order.quantity_changed.v1" => {
            let data: QuantityChanged = serde_json::from_str(data)?;
            Ok(OrderEventKind::QuantityChanged { line: data.line, quantity: quantity(data.quantity)? })
        }
        "order.item_removed.v1" => {
            let data: ItemRemoved = serde_json::from_str(data)?;
            Ok(OrderEventKind::ItemRemoved { line: data.line })
        }
        "order.placed.v1" => Ok(OrderEventKind::OrderPlaced),
        "order.cancelled.v1" => {
            let data: OrderCancelled<'_> = serde_json::from_str(data)?;
            let reason = data.reason.map(|reason| parse("reason", &reason)).transpose()?;
            Ok(OrderEventKind::OrderCancelled { reason })
        }
        "order.fulfilled.v1" => Ok(OrderEventKind::OrderFulfilled),
        unknown => Err(EventDataError::UnknownType(unknown.to_owned())),
    }
}

fn quantity(number: u16) -> Result<Quantity, EventDataError> {
    checked("quantity", i64::from(number).try_into())
}

fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, EventDataError> {
    checked(field, text.parse())
}

fn checked<T, E: Display>(field: &'static str, value: Result<T, E>) -> Result<T, EventDataError> {
    value.map_err(|error| EventDataError::Value { field, reason: error.to_string() })
}
