use std::path::Path;

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};

use crate::app::Ports;

use super::{
    events::{event_body, feed, stream},
    orders::{batch, create, history, lifecycle, list},
    products,
    response::problem::Problem,
    routing::endpoint::{Endpoint, endpoint},
    service::{console, docs, health, metrics},
};

/// The whole API.
pub(super) fn endpoints<P: Ports>() -> Vec<Endpoint> {
    vec![
        endpoint("/orders").get(list::list::<P>, list::list_doc()).post(create::create::<P>, create::create_doc()),
        endpoint("/orders/batch").post(batch::create::<P>, batch::create_doc()),
        endpoint("/orders/{order_id}").get(create::get::<P>, create::get_doc()),
        endpoint("/orders/{order_id}/items").post(create::add_item::<P>, create::add_item_doc()),
        endpoint("/orders/{order_id}/items/{line}")
            .patch(lifecycle::change_quantity::<P>, lifecycle::change_quantity_doc())
            .delete(lifecycle::remove_item::<P>, lifecycle::remove_item_doc()),
        endpoint("/orders/{order_id}/place").post(lifecycle::place::<P>, lifecycle::place_doc()),
        endpoint("/orders/{order_id}/cancel").post(lifecycle::cancel::<P>, lifecycle::cancel_doc()),
        endpoint("/orders/{order_id}/fulfil").post(lifecycle::fulfil::<P>, lifecycle::fulfil_doc()),
        endpoint("/orders/{order_id}/events").get(history::list::<P>, history::list_doc()),
        endpoint("/events").producing(event_body::BATCH.clone()).get(feed::read::<P>, feed::read_doc()),
        endpoint("/events/stream").producing(mime::TEXT_EVENT_STREAM).get(stream::follow::<P>, stream::follow_doc()),
        endpoint("/products").get(products::list::<P>, products::list_doc()),
        endpoint("/health/live").get(health::live, health::live_doc()),
        endpoint("/health/ready").get(health::ready::<P>, health::ready_doc()),
        endpoint("/metrics").producing(mime::TEXT_PLAIN).get(metrics::show::<P>, metrics::show_doc()),
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
