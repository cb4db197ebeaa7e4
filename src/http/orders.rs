use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{
    app::{
        AddItemRequest, AddItemToOrder, CreateOrder, CreateOrderRequest, GetOrder, ListOrders, ListOrdersRequest,
        NewItem, OrderDetails, OrderFilter, OrderPage, Ports,
    },
    domain::{Currency, MAX_LINES},
};

use super::{
    app::App,
    body::read_json,
    code::Code,
    cursor,
    fields::{Fields, quantity, read_object, text},
    order_body::{OrderBody, SummaryBody},
    parameters::{Query, no_query, order_id, parsed},
    problem::Problem,
};

pub(super) async fn create<P: Ports>(
    app: Data<App<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let body = read_json(&request, payload).await?;
    let tenant = app.tenant();
    let new_order = read_object(body, |fields| {
        let customer_id = fields.required("customer_id", text);
        let currency = fields.optional("currency", Currency::EUR, text);
        let items = fields.list("items", (MAX_LINES, Code::TooManyLines), new_item);
        Some(CreateOrderRequest { tenant, customer_id: customer_id?, currency: currency?, items: items? })
    })?;
    let created = CreateOrder(app.ports()).execute(new_order).await?;
    Ok(order_response(StatusCode::CREATED, &created))
}

pub(super) async fn add_item<P: Ports>(
    app: Data<App<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order_id = order_id(&request)?;
    let NewItem { sku, quantity } = read_object(read_json(&request, payload).await?, new_item)?;
    let tenant = app.tenant();
    let changed = AddItemToOrder(app.ports()).execute(AddItemRequest { tenant, order_id, sku, quantity }).await?;
    Ok(order_response(StatusCode::CREATED, &changed))
}

pub(super) async fn get<P: Ports>(app: Data<App<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let order = GetOrder(app.ports()).execute(&app.tenant(), order_id(&request)?).await?;
    Ok(order_response(StatusCode::OK, &order))
}

pub(super) async fn list<P: Ports>(app: Data<App<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let asked = list_request(&app, &request)?;
    let page = ListOrders(app.ports()).execute(&asked).await?;
    Ok(HttpResponse::Ok().json(PageBody::new(&page, &asked.filter)))
}

#[derive(Serialize)]
struct PageBody {
    orders: Vec<SummaryBody>,
    next_cursor: Option<String>,
}

impl PageBody {
    fn new(page: &OrderPage, filter: &OrderFilter) -> Self {
        Self {
            orders: page.orders.iter().map(SummaryBody::from).collect(),
            next_cursor: page.next.map(|last| cursor::encode(last, filter)),
        }
    }
}

fn new_item(fields: &mut Fields<'_>) -> Option<NewItem> {
    let sku = fields.required("sku", text);
    let quantity = fields.required("quantity", quantity);
    Some(NewItem { sku: sku?, quantity: quantity? })
}

fn list_request<P: Ports>(app: &App<P>, request: &HttpRequest) -> Result<ListOrdersRequest, Problem> {
    let mut query = Query::of(request);
    let limit = query.optional("limit", page_limit).unwrap_or(ListOrders::<P>::DEFAULT_LIMIT);
    let cursor = query.optional("cursor", |text| Ok(text.to_owned()));
    let filter = OrderFilter {
        customer_id: query.optional("customer_id", parsed),
        status: query.optional("status", parsed),
        created_from: query.optional("created_from", time),
        created_to: query.optional("created_to", time),
    };
    query.finish()?;
    let before = cursor.map(|text| cursor::decode(&text, &filter)).transpose()?;
    Ok(ListOrdersRequest { tenant: app.tenant(), filter, before, limit })
}

fn page_limit(text: &str) -> Result<usize, String> {
    let max = ListOrders::<()>::MAX_LIMIT;
    match text.parse() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(format!("A limit is a whole number from 1 to {max}.")),
    }
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|time| time.checked_to_offset(UtcOffset::UTC));
    time.ok_or_else(|| "A time is in the form of RFC 3339, e.g. 2026-01-31T12:00:00Z.".to_owned())
}

fn order_response(status: StatusCode, order: &OrderDetails) -> HttpResponse {
    let summary = &order.summary;
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, format!("\"{}\"", summary.version)));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/orders/{}", summary.order_id)));
    }
    response.json(OrderBody::from(order))
}
