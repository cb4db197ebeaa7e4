use std::{borrow::Cow, fmt::Display};

use serde::{Serialize, Serializer};
use serde_json::json;
use time::OffsetDateTime;
use utoipa::{
    ToSchema,
    openapi::{
        KnownFormat, SchemaFormat,
        extensions::ExtensionsBuilder,
        schema::{ArrayBuilder, ObjectBuilder, Type},
    },
};

use crate::{
    app::{ActionRefusal, OrderDetails, OrderSummary, StoredStatus},
    domain::{Action, Amount, Line, MAX_LINES, OrderId, OrderRules, Price, Quantity, Status},
    http::{
        response::{code::Code, problem::sentence, timestamp},
        routing::doc::EXTENSIBLE_ENUM,
    },
};

/// An order as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderSummary)]
pub(super) struct SummaryBody {
    /// A UUID, version 7.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    order_id: OrderId,
    customer_id: String,
    #[schema(schema_with = status_schema)]
    status: Cow<'static, str>,
    /// An ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: &'static str,
    #[schema(schema_with = items_count_schema)]
    items_count: usize,
    /// The units of all lines.
    units_count: u32,
    /// The sum of quantity × price, with the decimals of the currency.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = r"^\d+(\.\d+)?$")]
    total_amount: Amount,
    /// The number of changes so far.
    #[schema(minimum = 1)]
    version: u32,
    /// RFC 3339, UTC.
    #[serde(serialize_with = "timestamp::serialize")]
    #[schema(value_type = String, format = "date-time")]
    created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::serialize")]
    #[schema(value_type = String, format = "date-time")]
    updated_at: OffsetDateTime,
    /// The actions that the order allows now.
    #[schema(schema_with = actions_schema)]
    allowed_actions: Vec<&'static str>,
}

fn status_schema() -> ObjectBuilder {
    let known = Status::ALL.map(Status::as_str);
    open_set(&known, "A newer release may add others: show a status that you do not know as it is.")
}

/// A text that is one of these values, until a newer release adds others.
fn open_set(known: &[&str], text: &str) -> ObjectBuilder {
    let description = format!("One of {}. {text}", known.join(", "));
    let extensions = ExtensionsBuilder::new().add(EXTENSIBLE_ENUM, json!(known)).build();
    let values = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    values.examples(known.iter().copied()).extensions(Some(extensions))
}

#[expect(clippy::cast_precision_loss, reason = "the limit is far below 2^52")]
fn items_count_schema() -> ObjectBuilder {
    let count = integer_schema(0.0, MAX_LINES as f64);
    count.description(Some("The number of lines."))
}

fn quantity_schema() -> ObjectBuilder {
    let int32 = SchemaFormat::KnownFormat(KnownFormat::Int32);
    integer_schema(Quantity::MIN.into(), Quantity::MAX.into()).format(Some(int32))
}

fn integer_schema(minimum: f64, maximum: f64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(minimum)).maximum(Some(maximum))
}

fn action_schema() -> ObjectBuilder {
    let known = Action::ALL.map(Action::as_str);
    open_set(&known, "A newer release may add others: ignore an action that you do not know.")
}

fn actions_schema() -> ArrayBuilder {
    ArrayBuilder::new().items(action_schema())
}

/// An order with its items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderBody {
    #[serde(flatten)]
    summary: SummaryBody,
    /// The actions that the order does not allow now, and why.
    disallowed_actions: Vec<DisallowedBody>,
    items: Vec<ItemBody>,
}

/// An action that the order does not allow now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DisallowedAction)]
struct DisallowedBody {
    #[schema(schema_with = action_schema)]
    action: &'static str,
    /// The code of the problem that the action would get.
    code: &'static str,
    /// The rule that refuses the action, in a sentence.
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
struct ItemBody {
    /// The number of the line. The order gives each number once.
    #[schema(minimum = 1)]
    line: u32,
    #[schema(pattern = "^[A-Z0-9]{8,12}$")]
    sku: String,
    name: String,
    #[schema(schema_with = quantity_schema)]
    quantity: u16,
    /// The price of one unit at the time when the item was added.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = r"^\d+(\.\d+)?$")]
    price: Price,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = r"^\d+(\.\d+)?$")]
    subtotal: Amount,
}

impl SummaryBody {
    pub(super) fn new(order: &OrderSummary, rules: OrderRules) -> Self {
        Self {
            order_id: order.order_id,
            customer_id: order.customer_id.to_string(),
            status: match &order.status {
                StoredStatus::Known(status) => status.as_str().into(),
                StoredStatus::Unknown(text) => text.clone().into(),
            },
            currency: order.currency.code(),
            items_count: order.items_count,
            units_count: order.units_count,
            total_amount: order.total_amount,
            version: order.version,
            created_at: order.created_at,
            updated_at: order.updated_at,
            allowed_actions: order.allowed_actions(rules).map(Action::as_str).collect(),
        }
    }
}

impl OrderBody {
    pub(super) fn new(order: &OrderDetails, rules: OrderRules) -> Self {
        Self {
            summary: SummaryBody::new(&order.summary, rules),
            disallowed_actions: order.summary.disallowed_actions(rules).map(DisallowedBody::from).collect(),
            items: order.items.iter().map(ItemBody::from).collect(),
        }
    }
}

impl From<(Action, ActionRefusal)> for DisallowedBody {
    fn from((action, refusal): (Action, ActionRefusal)) -> Self {
        Self { action: action.as_str(), code: Code::from(refusal).as_str(), reason: sentence(&refusal) }
    }
}

impl From<&Line> for ItemBody {
    fn from(line: &Line) -> Self {
        Self {
            line: line.number,
            sku: line.sku.to_string(),
            name: line.name.to_string(),
            quantity: line.quantity.get(),
            price: line.unit_price,
            subtotal: line.subtotal(),
        }
    }
}

/// Written straight into the response, without a `String` between.
fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
