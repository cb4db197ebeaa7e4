use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde_json::json;

use crate::{
    app::{
        AddItemRequest, AddItemToOrder, Answered, AsOf, CreateOrder, CreateOrderRequest, GetOrder, NewItem,
        OrderDetails, Ports,
    },
    http::{
        app_state::AppState,
        request::{
            body::read_json,
            conditions::{IDEMPOTENT_REPLAYED, collection_conditions, conditions, is_known},
            fields::read_object,
            json,
            parameters::{MAX_VERSION, Query, no_query, order_id, time},
        },
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::{
    order_body::{OrderBody, order_example},
    order_request::{NewItemBody, NewOrderBody, new_item, new_order, new_order_example},
};

pub(crate) async fn create<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let body = read_json(&request, payload, app.bounds()).await?;
    let key = collection_conditions(&request, &body)?;
    let order = read_object(body, new_order)?;
    let created = CreateOrder(app.ports()).execute(CreateOrderRequest { tenant: app.tenant(), order, key }).await?;
    Ok(written(StatusCode::CREATED, &created))
}

pub(crate) fn create_doc() -> Doc {
    let doc = Doc::new("Orders", "create_order", "Take an order").body::<NewOrderBody>(&new_order_example());
    let doc = written_doc(doc, 201, "The order was taken").header(
        201,
        "Location",
        &json!({"type": "string"}),
        "The path of the order",
    );
    idempotency_doc(doc, 201).problems(&[
        Code::PreconditionFailed,
        Code::UnknownProduct,
        Code::TooManyLines,
        Code::CurrencyMismatch,
        Code::LostRace,
        Code::StoreUnavailable,
        Code::PricingUnavailable,
    ])
}

pub(crate) async fn add_item<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order_id = order_id(&request)?;
    let body = read_json(&request, payload, app.bounds()).await?;
    let conditions = conditions(&request, &body)?;
    let NewItem { sku, quantity } = read_object(body, new_item)?;
    let item = AddItemRequest { tenant: app.tenant(), order_id, sku, quantity, conditions };
    let changed = AddItemToOrder(app.ports()).execute(item).await?;
    Ok(written(StatusCode::CREATED, &changed))
}

pub(crate) fn add_item_doc() -> Doc {
    let example = json!({"sku": "MOUSE456", "quantity": 2});
    let doc = Doc::new("Orders", "add_item", "Add an item at the price of the moment").body::<NewItemBody>(&example);
    change_doc(doc, 201, "The order with the item")
        .header(201, "Location", &json!({"type": "string"}), "The path of the order")
        .problems(&[
            Code::UnknownProduct,
            Code::TooManyLines,
            Code::CurrencyMismatch,
            Code::OrderNotOpen,
            Code::PricingUnavailable,
        ])
}

pub(crate) async fn get<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let as_of = query.optional("as_of", moment);
    query.finish()?;
    let order = GetOrder(app.ports()).execute(&app.tenant(), order_id(&request)?, as_of).await?;
    if is_known(&request, order.summary.version)? {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag(&order))).finish());
    }
    Ok(order_response(StatusCode::OK, &order))
}

pub(crate) fn get_doc() -> Doc {
    let doc = Doc::new("Orders", "get_order", "Read one order with its items");
    let tags = json!({"type": "string", "pattern": ENTITY_TAGS});
    let moment = json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": MAX_VERSION},
        {"type": "string", "format": "date-time"},
    ]});
    order_id_doc(written_doc(doc, 200, "The order"))
        .parameter(
            "query",
            "as_of",
            &moment,
            "The order as it was at this version or time, folded from its events; 404 before it existed",
        )
        .parameter("header", "If-None-Match", &tags, "Answer 304 when the order is still at one of these versions")
        .other_answer(304, "The order is at a version that the caller knows", None)
        .header(304, "ETag", &json!({"type": "string"}), "The version of the order, in quotes")
        .problems(&[Code::OrderNotFound, Code::PositionRetired, Code::StoreUnavailable])
}

/// A version or a time.
fn moment(text: &str) -> Result<AsOf, String> {
    match text.parse() {
        Ok(version) if text.bytes().all(|b| b.is_ascii_digit()) && version <= MAX_VERSION => Ok(AsOf::Version(version)),
        _ => time(text).map(AsOf::Time).map_err(|_| {
            "A moment is a version, e.g. 3, or a time in the form of RFC 3339, e.g. 2026-01-31T12:00:00Z.".to_owned()
        }),
    }
}

/// What every change of an order says of itself.
pub(crate) fn change_doc(doc: Doc, status: u16, text: &str) -> Doc {
    let tags = json!({"type": "string", "pattern": ENTITY_TAGS});
    idempotency_doc(order_id_doc(written_doc(doc, status, text)), status)
        .parameter("header", "If-Match", &tags, "Change the order only if it is at one of these versions; else 412")
        .problems(&[Code::OrderNotFound, Code::LostRace, Code::PreconditionFailed, Code::StoreUnavailable])
}

pub(crate) fn order_id_doc(doc: Doc) -> Doc {
    doc.parameter("path", "order_id", &json!({"type": "string", "format": "uuid"}), "The order")
}

fn written_doc(doc: Doc, status: u16, text: &str) -> Doc {
    doc.answer::<OrderBody>(status, text, &order_example()).header(
        status,
        "ETag",
        &json!({"type": "string", "pattern": "^\"[0-9]+\"$"}),
        "The version of the order, in quotes",
    )
}

/// What every write with this answer says of its key.
pub(crate) fn idempotency_doc(doc: Doc, status: u16) -> Doc {
    let key = json!({"type": "string", "pattern": KEY});
    doc.parameter(
        "header",
        "Idempotency-Key",
        &key,
        "Names the request: sent again within 24 hours, it changes nothing more and gets the same answer",
    )
    .header(status, "Idempotent-Replayed", &json!({"const": "true"}), "Only on the answer to a repetition")
    .problems(&[Code::IdempotencyKeyReused])
}

/// `*` or a list of entity tags; an empty header says nothing.
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?$"#;

/// 1 to 255 visible characters or spaces, bare or as a quoted string.
const KEY: &str = r#"^([!#-~][ -~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$"#;

pub(crate) fn written(status: StatusCode, answered: &Answered) -> HttpResponse {
    let mut response = order_response(status, &answered.order);
    mark_replayed(&mut response, answered.replayed);
    response
}

pub(crate) fn mark_replayed(response: &mut HttpResponse, replayed: bool) {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, header::HeaderValue::from_static("true"));
    }
}

fn order_response(status: StatusCode, order: &OrderDetails) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, etag(order)));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, location(order)));
    }
    json::answer(&mut response, &OrderBody::from(order), ORDER_BYTES + ITEM_BYTES * order.items.len())
}

/// What an order takes as JSON without its items, and an item.
const ORDER_BYTES: usize = 768;
const ITEM_BYTES: usize = 160;

fn etag(order: &OrderDetails) -> String {
    format!("\"{}\"", order.summary.version)
}

pub(crate) fn location(order: &OrderDetails) -> String {
    format!("/orders/{}", order.summary.order_id)
}
