use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};

use crate::{
    app::{Answered, OrderDetails},
    domain::OrderRules,
    http::{request::idempotency_key::IDEMPOTENT_REPLAYED, response::json::json_response},
};

use super::order_body::OrderBody;

/// The response to a write: the order as the write left it.
pub(super) fn written(status: StatusCode, answered: &Answered, rules: OrderRules) -> HttpResponse {
    let mut response = order_response(status, &answered.order, rules);
    mark_replayed(&mut response, answered.replayed);
    response
}

pub(super) fn mark_replayed(response: &mut HttpResponse, replayed: bool) {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
}

pub(super) fn order_response(status: StatusCode, order: &OrderDetails, rules: OrderRules) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, etag(order)));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/orders/{}", order.summary.order_id)));
    }
    json_response(&mut response, &OrderBody::new(order, rules), ORDER_BYTES + ITEM_BYTES * order.items.len())
}

/// The usual length in JSON of an order without its items, and of an item.
const ORDER_BYTES: usize = 768;
const ITEM_BYTES: usize = 160;

pub(super) fn etag(order: &OrderDetails) -> String {
    format!("\"{}\"", order.summary.version)
}
