use std::path::Path;

use actix_web::{
    HttpResponse,
    middleware::from_fn,
    web::{self, Redirect, ServiceConfig},
};

use crate::app::Ports;

use super::{
    events::{feed, stream},
    middleware::pages::respond_like_a_route,
    orders::{batch, create, get, history, items, lifecycle, list},
    products,
    response::{base_path::BasePath, problem::Problem},
    routing::endpoint::{Endpoint, endpoint},
    service::{console, docs, health, metrics},
};

/// The routes of the API. Each is documented where it is declared.
pub(super) fn endpoints<P: Ports>() -> Vec<Endpoint> {
    vec![
        endpoint("/orders").get(list::list::<P>, list::list_doc()).post(create::create::<P>, create::create_doc()),
        endpoint("/orders/batch").post(batch::create::<P>, batch::create_doc()),
        endpoint("/orders/{order_id}").get(get::get::<P>, get::get_doc()),
        endpoint("/orders/{order_id}/items").post(items::add::<P>, items::add_doc()),
        endpoint("/orders/{order_id}/items/{line}")
            .patch(items::change_quantity::<P>, items::change_quantity_doc())
            .delete(items::remove::<P>, items::remove_doc()),
        endpoint("/orders/{order_id}/place").post(lifecycle::place::<P>, lifecycle::place_doc()),
        endpoint("/orders/{order_id}/cancel").post(lifecycle::cancel::<P>, lifecycle::cancel_doc()),
        endpoint("/orders/{order_id}/fulfil").post(lifecycle::fulfil::<P>, lifecycle::fulfil_doc()),
        endpoint("/orders/{order_id}/events").get(history::list::<P>, history::list_doc()),
        endpoint("/events").producing(feed::types()).get(feed::read::<P>, feed::read_doc()),
        endpoint("/events/stream").producing([mime::TEXT_EVENT_STREAM]).get(stream::follow::<P>, stream::follow_doc()),
        endpoint("/products").get(products::list::<P>, products::list_doc()),
        endpoint("/health/live").producing(health::TYPES).get(health::live, health::live_doc()),
        endpoint("/health/ready").producing(health::TYPES).get(health::ready::<P>, health::ready_doc()),
        endpoint("/metrics").producing([mime::TEXT_PLAIN]).get(metrics::show::<P>, metrics::show_doc()),
        endpoint("/openapi.json").get(docs::openapi::<P>, docs::openapi_doc()),
        endpoint("/problems").producing([mime::TEXT_HTML]).get(docs::problems, docs::problems_doc()),
        endpoint("/problems/{code}").producing([mime::TEXT_HTML]).get(docs::problem, docs::problem_doc()),
        endpoint("/").producing([mime::STAR_STAR]).get(console::root, console::root_doc()),
    ]
}

/// Everything that the server serves: the API, and the pages that the API's document leaves out.
pub(super) fn configure<P: Ports>(config: &mut ServiceConfig, static_dir: &Path, base: &BasePath) {
    for endpoint in endpoints::<P>() {
        config.service(endpoint.into_resource());
    }
    let to_docs = web::get().to(async || Redirect::to("/docs/"));
    config.service(web::resource("/docs").wrap(from_fn(respond_like_a_route)).route(to_docs));
    config.service(docs::swagger_ui("/docs", base));
    config.service(console::files("/app", static_dir, base));
    config.default_service(web::to(async || Err::<HttpResponse, _>(Problem::route_not_found())));
}
