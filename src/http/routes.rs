use std::path::Path;

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};

use crate::app::Ports;

use super::{
    batch, changes, console, docs,
    endpoint::{Endpoint, endpoint},
    event_body, events, health, history, lists, metrics, orders,
    problem::Problem,
    products, stream,
};

/// The whole API.
pub(super) fn endpoints<P: Ports>() -> Vec<Endpoint> {
    vec![
        endpoint("/orders").get(lists::list::<P>, lists::list_doc()).post(orders::create::<P>, orders::create_doc()),
        endpoint("/orders/batch").post(batch::create::<P>, batch::create_doc()),
        endpoint("/orders/{order_id}").get(orders::get::<P>, orders::get_doc()),
        endpoint("/orders/{order_id}/items").post(orders::add_item::<P>, orders::add_item_doc()),
        endpoint("/orders/{order_id}/items/{line}")
            .patch(changes::change_quantity::<P>, changes::change_quantity_doc())
            .delete(changes::remove_item::<P>, changes::remove_item_doc()),
        endpoint("/orders/{order_id}/place").post(changes::place::<P>, changes::place_doc()),
        endpoint("/orders/{order_id}/cancel").post(changes::cancel::<P>, changes::cancel_doc()),
        endpoint("/orders/{order_id}/fulfil").post(changes::fulfil::<P>, changes::fulfil_doc()),
        endpoint("/orders/{order_id}/events").get(history::list::<P>, history::list_doc()),
        endpoint("/events").producing(event_body::BATCH.clone()).get(events::read::<P>, events::read_doc()),
        endpoint("/events/stream").producing(mime::TEXT_EVENT_STREAM).get(stream::follow::<P>, stream::follow_doc()),
        endpoint("/products").get(products::list::<P>, products::list_doc()),
        endpoint("/health/live").get(health::live, health::live_doc()),
        endpoint("/health/ready").get(health::ready::<P>, health::ready_doc()),
        endpoint("/metrics").producing(mime::TEXT_PLAIN).get(metrics::tell::<P>, metrics::tell_doc()),
        endpoint("/openapi.json").get(docs::openapi::<P>, docs::openapi_doc()),
        endpoint("/problems").producing(mime::TEXT_HTML).get(docs::problems, docs::problems_doc()),
        endpoint("/problems/{code}").producing(mime::TEXT_HTML).get(docs::problem, docs::problem_doc()),
        endpoint("/").producing(mime::STAR_STAR).get(console::root, console::root_doc()),
    ]
}

pub(super) fn configure<P: Ports>(config: &mut ServiceConfig, static_dir: &Path) {
    for endpoint in endpoints::<P>() {
        endpoint.register(config);
    }
    docs::register(config);
    console::register(config, static_dir);
    config.default_service(web::to(async || Err::<HttpResponse, _>(Problem::route_not_found())));
}
