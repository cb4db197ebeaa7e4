use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        ObjectBuilder,
        schema::{Schema, Type},
    },
};

use crate::{
    app::{BatchPolicy, NewItem, NewOrder},
    domain::{Currency, MAX_LINES},
    http::{
        request::fields::{Fields, Wrong, quantity, text},
        response::code::Code,
    },
};

/// A new order.
#[derive(ToSchema)]
#[schema(as = NewOrder)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of what `read` reads")]
pub(crate) struct NewOrderBody {
    /// Who orders: 1 to 64 characters, no control characters; white space around it is cut off.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    customer_id: String,
    /// ISO 4217; EUR where there is none.
    #[schema(required = false, default = "EUR", schema_with = currency_schema)]
    currency: String,
    #[schema(required = false, max_items = 200)]
    items: Vec<NewItemBody>,
}

fn currency_schema() -> Schema {
    let codes = Currency::all().map(Currency::code);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
}

/// A product and how many of it.
#[derive(ToSchema)]
#[schema(as = NewItem)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of what `read` reads")]
pub(crate) struct NewItemBody {
    /// A product of the catalogue, in upper or lower case; white space around it is cut off.
    #[schema(pattern = r"^\s*[A-Za-z0-9]{8,12}\s*$")]
    sku: String,
    #[schema(minimum = 1, maximum = 999)]
    quantity: u16,
}

/// Many new orders.
#[derive(ToSchema)]
#[schema(as = NewOrders)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of what `orders` and `policy` read")]
pub(crate) struct NewOrdersBody {
    /// Each a `NewOrder`. What is not one gets a problem of its own.
    #[schema(min_items = 1, max_items = 100, value_type = Vec<serde_json::Value>)]
    orders: Vec<NewOrderBody>,
    /// What one bad order means for the others: none is taken, or the good ones are.
    #[schema(required = false, default = "reject_all")]
    error_policy: ErrorPolicyBody,
}

#[derive(ToSchema)]
#[schema(as = ErrorPolicy, rename_all = "snake_case")]
#[expect(dead_code, reason = "the schema of what `policy` reads")]
pub(crate) enum ErrorPolicyBody {
    RejectAll,
    Partial,
}

pub(crate) fn new_order(fields: &mut Fields<'_>) -> Option<NewOrder> {
    let customer_id = fields.required("customer_id", text);
    let currency = fields.optional("currency", Currency::EUR, text);
    let items = fields.list("items", (MAX_LINES, Code::TooManyLines), new_item);
    Some(NewOrder { customer_id: customer_id?, currency: currency?, items: items? })
}

pub(crate) fn new_item(fields: &mut Fields<'_>) -> Option<NewItem> {
    let sku = fields.required("sku", text);
    let quantity = fields.required("quantity", quantity);
    Some(NewItem { sku: sku?, quantity: quantity? })
}

pub(crate) const MAX_BATCH: usize = 100;

/// The orders of a batch as they came: each is read by itself.
pub(crate) fn new_orders(fields: &mut Fields<'_>) -> Option<(Vec<Value>, BatchPolicy)> {
    let orders = fields.required("orders", |value| {
        let orders = value.as_array().ok_or(Wrong::Type("an array"))?;
        if (1..=MAX_BATCH).contains(&orders.len()) {
            Ok(orders.clone())
        } else {
            Err(Wrong::Value(format!("A batch has 1 to {MAX_BATCH} orders; these are {}.", orders.len())))
        }
    });
    let policy = fields.optional("error_policy", BatchPolicy::RejectAll, |value| match value {
        Value::String(policy) if policy == "reject_all" => Ok(BatchPolicy::RejectAll),
        Value::String(policy) if policy == "partial" => Ok(BatchPolicy::Partial),
        Value::String(_) => Err(Wrong::Value("An error policy is reject_all or partial.".to_owned())),
        _ => Err(Wrong::Type("a string")),
    });
    Some((orders?, policy?))
}

pub(crate) fn new_order_example() -> Value {
    json!({"customer_id": "customer-7", "currency": "EUR", "items": [{"sku": "LAPTOP123", "quantity": 1}]})
}
