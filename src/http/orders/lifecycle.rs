//! The life of an order: place, cancel, fulfil.

use actix_web::{http::StatusCode, web::Data};
use serde_json::json;

use crate::{
    app::{CancelOrder, CancelOrderRequest, FulfilOrder, FulfilOrderRequest, PlaceOrder, PlaceOrderRequest, Ports},
    http::{
        app_state::AppState,
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::{
    order_doc::change_doc,
    order_request::{Cancellation, NoFields},
    order_response::written,
    order_write::OrderChange,
};

pub(crate) async fn place<P: Ports>(app: Data<AppState<P>>, change: OrderChange<NoFields>) -> HttpResult {
    let OrderChange { principal, address: order_id, conditions, .. } = change;
    let order = PlaceOrder(app.ports()).execute(PlaceOrderRequest { principal, order_id, conditions }).await?;
    Ok(written(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn place_doc() -> Doc {
    let doc = Doc::new("Orders", "place_order", "Place an open order that has items").body::<NoFields>(&json!({}));
    change_doc(doc, 200, "The placed order").problems(&[Code::OrderNotOpen, Code::OrderEmpty])
}

pub(crate) async fn cancel<P: Ports>(app: Data<AppState<P>>, change: OrderChange<Cancellation>) -> HttpResult {
    let OrderChange { principal, address: order_id, conditions, body: Cancellation { reason } } = change;
    let request = CancelOrderRequest { principal, order_id, reason, conditions };
    let order = CancelOrder(app.ports()).execute(request).await?;
    Ok(written(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn cancel_doc() -> Doc {
    let doc = Doc::new("Orders", "cancel_order", "Cancel an open or placed order");
    let doc = doc.body::<Cancellation>(&json!({"reason": "The customer changed their mind"}));
    change_doc(doc, 200, "The cancelled order").problems(&[Code::OrderNotCancellable])
}

pub(crate) async fn fulfil<P: Ports>(app: Data<AppState<P>>, change: OrderChange<NoFields>) -> HttpResult {
    let OrderChange { principal, address: order_id, conditions, .. } = change;
    let order = FulfilOrder(app.ports()).execute(FulfilOrderRequest { principal, order_id, conditions }).await?;
    Ok(written(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn fulfil_doc() -> Doc {
    let doc = Doc::new("Orders", "fulfil_order", "Record that a placed order was delivered");
    change_doc(doc.body::<NoFields>(&json!({})), 200, "The fulfilled order").problems(&[Code::OrderNotPlaced])
}
