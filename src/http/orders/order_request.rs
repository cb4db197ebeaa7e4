//! The bodies that order routes read.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    app::{BatchPolicy, NewItem, NewOrder},
    domain::{CancelReason, Currency, MAX_LINES, Quantity},
    http::{
        request::{
            fields::{Body, FieldValue, Fields, ListLimit, Wrong},
            text::TextValue,
        },
        response::code::Code,
    },
};

impl Body for NewOrder {
    const NAME: &'static str = "NewOrder";
    const TEXT: &'static str = "A new order.";

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let customer_id = fields
            .required("customer_id", "The customer, without control characters. White space at both ends is removed.");
        let currency = fields.with_default("currency", "An ISO 4217 code.", Currency::EUR);
        let limit = ListLimit { max: MAX_LINES, code: Code::TooManyLines };
        let items = fields.list("items", "The first items of the order.", limit);
        Some(Self { customer_id: customer_id?, currency: currency?, items: items? })
    }
}

impl Body for NewItem {
    const NAME: &'static str = "NewItem";
    const TEXT: &'static str = "A product and a quantity.";

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let sku = fields.required(
            "sku",
            "A product of the catalogue, in upper or lower case. White space at both ends is removed.",
        );
        let quantity = fields.required("quantity", "The number of units.");
        Some(Self { sku: sku?, quantity: quantity? })
    }
}

pub(crate) struct NewQuantity(pub(super) Quantity);

impl Body for NewQuantity {
    const NAME: &'static str = "NewQuantity";
    const TEXT: &'static str = "A new quantity.";

    fn define(fields: &mut impl Fields) -> Option<Self> {
        fields.required("quantity", "The number of units.").map(Self)
    }
}

pub(crate) struct Cancellation {
    pub(super) reason: Option<CancelReason>,
}

impl Body for Cancellation {
    const NAME: &'static str = "Cancellation";
    const TEXT: &'static str = "Why the order is cancelled.";
    const IS_OPTIONAL: bool = true;

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let reason = fields.optional("reason", "No control characters. White space at both ends is removed.");
        Some(Self { reason: reason? })
    }
}

/// The body of a route that takes no fields.
pub(crate) struct NoFields;

impl Body for NoFields {
    const NAME: &'static str = "Nothing";
    const TEXT: &'static str = "An object without fields.";
    const IS_OPTIONAL: bool = true;

    fn define(_: &mut impl Fields) -> Option<Self> {
        Some(Self)
    }
}

/// The orders of a batch as they came: each is read by itself.
pub(crate) struct NewOrders {
    pub(super) orders: Vec<Value>,
    pub(super) policy: BatchPolicy,
}

impl Body for NewOrders {
    const NAME: &'static str = "NewOrders";
    const TEXT: &'static str = "A batch of new orders.";
    const IS_ENVELOPE: bool = true;

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let orders =
            fields.required("orders", "Each a `NewOrder`. An element that is not one gets a problem of its own.");
        let policy = fields.with_default(
            "error_policy",
            "What one refused order means for the others: `reject_all` creates none, `partial` creates them.",
            ErrorPolicy(BatchPolicy::RejectAll),
        );
        let (BatchOrders(orders), ErrorPolicy(policy)) = (orders?, policy?);
        Some(Self { orders, policy })
    }
}

/// How many orders a batch has at the most.
pub(super) const MAX_BATCH: usize = 100;

struct BatchOrders(Vec<Value>);

impl FieldValue for BatchOrders {
    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": {}})
    }

    fn read(value: Value) -> Result<Self, Wrong> {
        let Value::Array(orders) = value else { return Err(Wrong::Type("an array")) };
        if (1..=MAX_BATCH).contains(&orders.len()) {
            Ok(Self(orders))
        } else {
            let detail = format!("A batch has 1 to {MAX_BATCH} orders; this one has {}.", orders.len());
            Err(Wrong::Value(detail))
        }
    }
}

struct ErrorPolicy(BatchPolicy);

impl ErrorPolicy {
    const ALL: [Self; 2] = [Self(BatchPolicy::RejectAll), Self(BatchPolicy::Partial)];
}

impl fmt::Display for ErrorPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            BatchPolicy::RejectAll => "reject_all",
            BatchPolicy::Partial => "partial",
        })
    }
}

impl TextValue for ErrorPolicy {
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.map(|policy| policy.to_string())})
    }

    fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|policy| policy.to_string() == text);
        known.ok_or_else(|| "An error policy is reject_all or partial.".to_owned())
    }
}

pub(super) fn new_order_example() -> Value {
    json!({"customer_id": "customer-7", "currency": "EUR", "items": [{"sku": "LAPTOP123", "quantity": 1}]})
}
