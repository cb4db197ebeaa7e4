use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::{OrderDetails, OrderSummary},
    domain::{Action, Line},
};

/// An order as a list shows it.
#[derive(Debug, Serialize)]
pub(super) struct SummaryBody {
    order_id: String,
    customer_id: String,
    status: &'static str,
    currency: &'static str,
    items_count: usize,
    units_count: u32,
    total_amount: String,
    version: u32,
    created_at: String,
    updated_at: String,
    allowed_actions: Vec<&'static str>,
}

/// An order with its items.
#[derive(Debug, Serialize)]
pub(super) struct OrderBody {
    #[serde(flatten)]
    summary: SummaryBody,
    items: Vec<ItemBody>,
}

#[derive(Debug, Serialize)]
struct ItemBody {
    line: u32,
    sku: String,
    name: String,
    quantity: u16,
    price: String,
    subtotal: String,
}

impl From<&OrderSummary> for SummaryBody {
    fn from(order: &OrderSummary) -> Self {
        Self {
            order_id: order.order_id.to_string(),
            customer_id: order.customer_id.to_string(),
            status: order.status.as_str(),
            currency: order.currency.code(),
            items_count: order.items_count,
            units_count: order.units_count,
            total_amount: order.total_amount.to_string(),
            version: order.version,
            created_at: timestamp(order.created_at),
            updated_at: timestamp(order.updated_at),
            allowed_actions: order.allowed_actions().map(Action::as_str).collect(),
        }
    }
}

impl From<&OrderDetails> for OrderBody {
    fn from(order: &OrderDetails) -> Self {
        Self { summary: (&order.summary).into(), items: order.items.iter().map(ItemBody::from).collect() }
    }
}

impl From<&Line> for ItemBody {
    fn from(line: &Line) -> Self {
        Self {
            line: line.number,
            sku: line.sku.to_string(),
            name: line.name.to_string(),
            quantity: line.quantity.get(),
            price: line.unit_price.to_string(),
            subtotal: line.subtotal().to_string(),
        }
    }
}

/// RFC 3339, UTC. The years that a clock can show always format.
pub(super) fn timestamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
