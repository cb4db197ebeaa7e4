use actix_web::{http::StatusCode, web::Data};

use crate::{
    app::{CreateOrder, CreateOrderRequest, NewOrder, Ports},
    http::{
        app_state::AppState,
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::{
    order_doc::{idempotency_doc, location_doc, order_response_doc},
    order_request::new_order_example,
    order_response::written,
    order_write::OrderCreation,
};

pub(crate) async fn create<P: Ports>(app: Data<AppState<P>>, creation: OrderCreation<NewOrder>) -> HttpResult {
    let OrderCreation { principal, key, body: order } = creation;
    let created = CreateOrder(app.ports()).execute(CreateOrderRequest { principal, order, key }).await?;
    Ok(written(StatusCode::CREATED, &created, app.ports().rules()))
}

pub(crate) fn create_doc() -> Doc {
    let doc = Doc::new("Orders", "create_order", "Create an order").body::<NewOrder>(&new_order_example());
    let doc = location_doc(order_response_doc(doc, 201, "The new order"));
    idempotency_doc(doc, 201).problems(&[
        Code::OtherCustomer,
        Code::PreconditionFailed,
        Code::UnknownProduct,
        Code::TooManyLines,
        Code::CurrencyMismatch,
        Code::LostRace,
        Code::StoreUnavailable,
        Code::NewerRelease,
        Code::PricingUnavailable,
    ])
}
