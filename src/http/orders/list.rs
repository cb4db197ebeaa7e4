use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use form_urlencoded::Serializer;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{ListOrders, ListOrdersRequest, OrderFilter, OrderPage, Ports},
    http::{
        app_state::AppState,
        request::{
            json,
            parameters::{Query, number, parsed, time},
        },
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::{
    cursor,
    order_body::{SummaryBody, summary_example, timestamp},
};

pub(crate) async fn list<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let asked = list_request(&app, &request)?;
    let page = ListOrders(app.ports()).execute(&asked).await?;
    let body = PageBody::new(&page, &asked.filter);
    let link = link(&asked, body.next_cursor.as_deref());
    let mut response = HttpResponse::Ok();
    response.insert_header((header::LINK, link));
    Ok(json::answer(&mut response, &body, body.orders.len() * SUMMARY_BYTES + SUMMARY_BYTES))
}

/// What a summary takes as JSON.
const SUMMARY_BYTES: usize = 384;

pub(crate) fn list_doc() -> Doc {
    let text = json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let example = json!({"orders": [summary_example()], "next_cursor": null});
    Doc::new("Orders", "list_orders", "Read a page of orders, newest first")
        .parameter("query", "limit", &json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}), "How many orders at the most")
        .parameter("query", "cursor", &text, "next_cursor of the page before, with the same filters; empty for the first page")
        .parameter("query", "customer_id", &json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"}), "Only orders of this customer")
        .parameter("query", "status", &json!({"enum": ["open", "placed", "cancelled", "fulfilled"]}), "Only orders in this status")
        .parameter("query", "created_from", &time, "Only orders created at this time or later")
        .parameter("query", "created_to", &time, "Only orders created before this time")
        .parameter("query", "total", &json!({"type": "boolean", "default": false}), "Whether to count all orders that the filters let through")
        .answer::<PageBody>(200, "The page", &example)
        .header(200, "Link", &text, "The first and the next page (RFC 8288)")
        .problems(&[Code::InvalidCursor, Code::StoreUnavailable])
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderPage)]
struct PageBody {
    orders: Vec<SummaryBody>,
    /// For the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Of all pages; only where `total=true` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_orders: Option<u64>,
}

impl PageBody {
    fn new(page: &OrderPage, filter: &OrderFilter) -> Self {
        Self {
            orders: page.orders.iter().map(SummaryBody::from).collect(),
            next_cursor: page.next.map(|last| cursor::encode(last, filter)),
            total_orders: page.total,
        }
    }
}

fn list_request<P: Ports>(app: &AppState<P>, request: &HttpRequest) -> Result<ListOrdersRequest, Problem> {
    let mut query = Query::of(request);
    let limit =
        query.optional("limit", number(1..=ListOrders::<P>::MAX_LIMIT)).unwrap_or(ListOrders::<P>::DEFAULT_LIMIT);
    let cursor = query.optional("cursor", |text| Ok(text.to_owned())).filter(|text| !text.is_empty());
    let filter = OrderFilter {
        customer_id: query.optional("customer_id", parsed),
        status: query.optional("status", parsed),
        created_from: query.optional("created_from", time),
        created_to: query.optional("created_to", time),
    };
    let total = query.optional("total", truth).unwrap_or(false);
    query.finish()?;
    let before = cursor.map(|text| cursor::decode(&text, &filter)).transpose()?;
    Ok(ListOrdersRequest { tenant: app.tenant(), filter, before, limit, total })
}

fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "The value is true or false.".to_owned())
}

/// The header `Link` (RFC 8288): the same list from its first page, and its next page where there is one.
fn link(asked: &ListOrdersRequest, next: Option<&str>) -> String {
    let first = format!("<{}>; rel=\"first\"", page_path(asked, None));
    match next {
        None => first,
        Some(cursor) => format!("{first}, <{}>; rel=\"next\"", page_path(asked, Some(cursor))),
    }
}

fn page_path(asked: &ListOrdersRequest, cursor: Option<&str>) -> String {
    let OrderFilter { customer_id, status, created_from, created_to } = &asked.filter;
    let path = "/orders?";
    let mut query = Serializer::for_suffix(path.to_owned(), path.len());
    query.append_pair("limit", &asked.limit.to_string());
    let pairs = [
        ("customer_id", customer_id.as_ref().map(ToString::to_string)),
        ("status", status.map(|status| status.to_string())),
        ("created_from", created_from.map(timestamp)),
        ("created_to", created_to.map(timestamp)),
        ("total", asked.total.then(|| "true".to_owned())),
        ("cursor", cursor.map(str::to_owned)),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}
