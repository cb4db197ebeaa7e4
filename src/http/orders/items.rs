//! The items of an order: add one, change its quantity, remove it.

use actix_web::{http::StatusCode, web::Data};
use serde_json::json;

use crate::{
    app::{
        AddItemRequest, AddItemToOrder, ChangeQuantity, ChangeQuantityRequest, Conditions, NewItem, Ports, RemoveItem,
        RemoveItemRequest,
    },
    domain::OrderId,
    http::{
        app_state::AppState,
        request::{caller::Caller, query::NoQuery},
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::{
    order_doc::{change_doc, location_doc},
    order_request::NewQuantity,
    order_response::written,
    order_values::LineNumber,
    order_write::OrderChange,
};

pub(crate) async fn add<P: Ports>(app: Data<AppState<P>>, change: OrderChange<NewItem>) -> HttpResult {
    let OrderChange { principal, address: order_id, conditions, body: NewItem { sku, quantity } } = change;
    let request = AddItemRequest { principal, order_id, sku, quantity, conditions };
    let order = AddItemToOrder(app.ports()).execute(request).await?;
    Ok(written(StatusCode::CREATED, &order, app.ports().rules()))
}

pub(crate) fn add_doc() -> Doc {
    let example = json!({"sku": "MOUSE456", "quantity": 2});
    let doc = Doc::new("Orders", "add_item", "Add an item at its current price").body::<NewItem>(&example);
    location_doc(change_doc(doc, 201, "The order with the new item")).problems(&[
        Code::UnknownProduct,
        Code::TooManyLines,
        Code::CurrencyMismatch,
        Code::OrderNotOpen,
        Code::PricingUnavailable,
    ])
}

pub(crate) async fn change_quantity<P: Ports>(
    app: Data<AppState<P>>,
    change: OrderChange<NewQuantity, (OrderId, LineNumber)>,
) -> HttpResult {
    let OrderChange { principal, address: (order_id, LineNumber(line)), conditions, body: NewQuantity(quantity) } =
        change;
    let request = ChangeQuantityRequest { principal, order_id, line, quantity, conditions };
    let order = ChangeQuantity(app.ports()).execute(request).await?;
    Ok(written(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn change_quantity_doc() -> Doc {
    let doc = Doc::new("Orders", "change_quantity", "Change the quantity of a line");
    let doc = line_doc(doc.body::<NewQuantity>(&json!({"quantity": 3})));
    change_doc(doc, 200, "The order with the new quantity").problems(&[Code::LineNotFound, Code::OrderNotOpen])
}

pub(crate) async fn remove<P: Ports>(
    app: Data<AppState<P>>,
    Caller { principal, .. }: Caller,
    _: NoQuery,
    (order_id, LineNumber(line)): (OrderId, LineNumber),
    conditions: Conditions,
) -> HttpResult {
    let request = RemoveItemRequest { principal, order_id, line, conditions };
    let order = RemoveItem(app.ports()).execute(request).await?;
    Ok(written(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn remove_doc() -> Doc {
    let doc = line_doc(Doc::new("Orders", "remove_item", "Remove an item"));
    change_doc(doc, 200, "The order without the item").problems(&[Code::LineNotFound, Code::OrderNotOpen])
}

fn line_doc(doc: Doc) -> Doc {
    doc.path("line", &LineNumber::schema(), "The number of the line in the order")
}
