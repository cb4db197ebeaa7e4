//! What happens to an order after it was taken: its items change, and it moves through its life.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    app::{
        CancelOrder, CancelOrderRequest, ChangeQuantity, ChangeQuantityRequest, FulfilOrder, FulfilOrderRequest,
        PlaceOrder, PlaceOrderRequest, Ports, RemoveItem, RemoveItemRequest,
    },
    domain::CancelReason,
    http::{
        app_state::AppState,
        request::{
            body::{read_json, read_optional_json},
            conditions::conditions,
            fields::{quantity, read_object, text},
            parameters::{MAX_LINE, line, no_query, order_id},
        },
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::create::{change_doc, written};

pub(crate) async fn change_quantity<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let (order_id, line) = (order_id(&request)?, line(&request)?);
    let body = read_json(&request, payload, app.bounds()).await?;
    let conditions = conditions(&request, &body)?;
    let quantity = read_object(body, |fields| fields.required("quantity", quantity))?;
    let asked = ChangeQuantityRequest { tenant: app.tenant(), order_id, line, quantity, conditions };
    let changed = ChangeQuantity(app.ports()).execute(asked).await?;
    Ok(written(StatusCode::OK, &changed))
}

pub(crate) fn change_quantity_doc() -> Doc {
    let doc = Doc::new("Orders", "change_quantity", "Change how many units a line has");
    let doc = line_doc(doc.body::<QuantityBody>(&json!({"quantity": 3})));
    change_doc(doc, 200, "The order with the other quantity").problems(&[Code::LineNotFound, Code::OrderNotOpen])
}

pub(crate) async fn remove_item<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let (order_id, line) = (order_id(&request)?, line(&request)?);
    // Content of a DELETE has no meaning (RFC 9110, section 9.3.5).
    let conditions = conditions(&request, &Value::Null)?;
    let asked = RemoveItemRequest { tenant: app.tenant(), order_id, line, conditions };
    let changed = RemoveItem(app.ports()).execute(asked).await?;
    Ok(written(StatusCode::OK, &changed))
}

pub(crate) fn remove_item_doc() -> Doc {
    let doc = line_doc(Doc::new("Orders", "remove_item", "Remove an item"));
    change_doc(doc, 200, "The order without the item").problems(&[Code::LineNotFound, Code::OrderNotOpen])
}

pub(crate) async fn place<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order_id = order_id(&request)?;
    let body = read_optional_json(&request, payload, app.bounds()).await?;
    let conditions = conditions(&request, &body)?;
    read_object(body, |_no_fields| Some(()))?;
    let asked = PlaceOrderRequest { tenant: app.tenant(), order_id, conditions };
    let changed = PlaceOrder(app.ports()).execute(asked).await?;
    Ok(written(StatusCode::OK, &changed))
}

pub(crate) fn place_doc() -> Doc {
    let doc = Doc::new("Orders", "place_order", "Place an open order that has items");
    change_doc(doc.optional_body::<NothingBody>(&json!({})), 200, "The order, placed")
        .problems(&[Code::OrderNotOpen, Code::OrderEmpty])
}

pub(crate) async fn cancel<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order_id = order_id(&request)?;
    let body = read_optional_json(&request, payload, app.bounds()).await?;
    let conditions = conditions(&request, &body)?;
    let reason = read_object(body, |fields| fields.optional("reason", None, |value| text(value).map(Some)))?;
    let asked = CancelOrderRequest { tenant: app.tenant(), order_id, reason, conditions };
    let changed = CancelOrder(app.ports()).execute(asked).await?;
    Ok(written(StatusCode::OK, &changed))
}

pub(crate) fn cancel_doc() -> Doc {
    let doc = Doc::new("Orders", "cancel_order", "Cancel an open or placed order");
    let doc = doc.optional_body::<CancelBody>(&json!({"reason": "The customer changed their mind"}));
    change_doc(doc, 200, "The order, cancelled").problems(&[Code::OrderNotCancellable])
}

pub(crate) async fn fulfil<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order_id = order_id(&request)?;
    let body = read_optional_json(&request, payload, app.bounds()).await?;
    let conditions = conditions(&request, &body)?;
    read_object(body, |_no_fields| Some(()))?;
    let asked = FulfilOrderRequest { tenant: app.tenant(), order_id, conditions };
    let changed = FulfilOrder(app.ports()).execute(asked).await?;
    Ok(written(StatusCode::OK, &changed))
}

pub(crate) fn fulfil_doc() -> Doc {
    let doc = Doc::new("Orders", "fulfil_order", "Say that a placed order was delivered");
    change_doc(doc.optional_body::<NothingBody>(&json!({})), 200, "The order, fulfilled")
        .problems(&[Code::OrderNotPlaced])
}

fn line_doc(doc: Doc) -> Doc {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": MAX_LINE});
    doc.parameter("path", "line", &schema, "The number of the line, which the order tells")
}

/// How many units.
#[derive(ToSchema)]
#[schema(as = NewQuantity)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of what `change_quantity` reads")]
struct QuantityBody {
    #[schema(minimum = 1, maximum = 999)]
    quantity: u16,
}

/// Why the order is called off.
#[derive(ToSchema)]
#[schema(as = Cancellation)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of what `cancel` reads")]
struct CancelBody {
    /// 1 to 500 characters, no control characters; white space around it is cut off.
    #[schema(
        required = false,
        nullable = false,
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    reason: String,
}

const _: () = assert!(CancelReason::MAX_CHARS == 500, "the schema says so");

/// There is nothing to say.
#[derive(ToSchema)]
#[schema(as = Nothing)]
#[serde(deny_unknown_fields)]
struct NothingBody {}
