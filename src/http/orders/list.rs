use actix_web::{HttpResponse, http::header, web::Data};
use form_urlencoded::Serializer;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{ListOrders, ListOrdersRequest, OrderFilter, OrderPage, Ports},
    domain::OrderRules,
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            query::{Parameters, Query, QueryParameters},
        },
        response::{code::Code, json::json_response, problem::HttpResult, timestamp},
        routing::doc::Doc,
    },
};

use super::{cursor, order_body::SummaryBody, order_example::summary_example};

pub(crate) async fn list<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> HttpResult {
    let ListQuery { limit, cursor, filter, total } = query;
    let before = cursor.map(|text| cursor::decode(&text, &caller.principal, &filter)).transpose()?;
    let request = ListOrdersRequest { principal: caller.principal, filter, before, limit, total };
    let page = ListOrders(app.ports()).execute(&request).await?;
    let body = PageBody::new(&page, &request, app.ports().rules());
    let mut response = HttpResponse::Ok();
    response.insert_header((header::LINK, link(&request, body.next_cursor.as_deref())));
    Ok(json_response(&mut response, &body, body.orders.len() * SUMMARY_BYTES + SUMMARY_BYTES))
}

/// The usual length in JSON of a summary.
const SUMMARY_BYTES: usize = 384;

pub(crate) fn list_doc() -> Doc {
    let example = json!({"orders": [summary_example()], "next_cursor": null});
    Doc::new("Orders", "list_orders", "List orders, newest first")
        .query::<ListQuery>()
        .response::<PageBody>(200, "The page", &example)
        .response_header(200, "Link", &json!({"type": "string"}), "The first and the next page (RFC 8288)")
        .problems(&[Code::InvalidCursor, Code::StoreUnavailable])
}

/// Which page of which list.
pub(crate) struct ListQuery {
    limit: usize,
    cursor: Option<String>,
    filter: OrderFilter,
    total: bool,
}

impl QueryParameters for ListQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        let (max, default) = (ListOrders::<()>::MAX_LIMIT, ListOrders::<()>::DEFAULT_LIMIT);
        let cursor = "next_cursor of the previous page, with the same filters; empty for the first page";
        Self {
            limit: parameters.number("limit", "The most orders to return", 1..=max, default),
            cursor: parameters.optional("cursor", cursor).filter(|text: &String| !text.is_empty()),
            filter: OrderFilter {
                customer_id: parameters.optional("customer_id", "Only orders of this customer"),
                status: parameters.optional("status", "Only orders with this status"),
                created_from: parameters.optional("created_from", "Only orders created at this time or later"),
                created_to: parameters.optional("created_to", "Only orders created before this time"),
            },
            total: parameters.flag("total", "Whether to count all orders that match the filters"),
        }
    }
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderPage)]
struct PageBody {
    orders: Vec<SummaryBody>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// How many orders all pages have; only with `total=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_orders: Option<u64>,
}

impl PageBody {
    fn new(page: &OrderPage, request: &ListOrdersRequest, rules: OrderRules) -> Self {
        Self {
            orders: page.orders.iter().map(|order| SummaryBody::new(order, rules)).collect(),
            next_cursor: page.next.map(|last| cursor::encode(last, &request.principal, &request.filter)),
            total_orders: page.total,
        }
    }
}

/// The header `Link` (RFC 8288): the first page of the same list, and the next page if there is one.
fn link(request: &ListOrdersRequest, next: Option<&str>) -> String {
    let first = format!("<{}>; rel=\"first\"", page_path(request, None));
    match next {
        None => first,
        Some(cursor) => format!("{first}, <{}>; rel=\"next\"", page_path(request, Some(cursor))),
    }
}

fn page_path(request: &ListOrdersRequest, cursor: Option<&str>) -> String {
    let OrderFilter { customer_id, status, created_from, created_to } = &request.filter;
    let path = "/orders?";
    let mut query = Serializer::for_suffix(path.to_owned(), path.len());
    query.append_pair("limit", &request.limit.to_string());
    let pairs = [
        ("customer_id", customer_id.as_ref().map(ToString::to_string)),
        ("status", status.map(|status| status.to_string())),
        ("created_from", created_from.map(timestamp::text)),
        ("created_to", created_to.map(timestamp::text)),
        ("total", request.total.then(|| "true".to_owned())),
        ("cursor", cursor.map(str::to_owned)),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}
