use std::path::Path;

use actix_web::{
    HttpResponse,
    middleware::from_fn,
    web::{self, Redirect, ServiceConfig},
};

use crate::{app::Ports, domain::Scope};

use super::{
    access::{caller, keys, rotate_key},
    events::{feed, stream},
    middleware::{authorize::Demand, pages::respond_like_a_route},
    orders::{batch, create, get, history, items, lifecycle, list, stats},
    products,
    response::{base_path::BasePath, problem::Problem},
    routing::endpoint::{Endpoint, endpoint},
    service::{console, docs, health, metrics},
    sinks::{self, manage, move_sink},
};

/// The routes of the API. Each is documented where it is declared.
pub(super) fn endpoints<P: Ports>() -> Vec<Endpoint<P>> {
    use Demand::{AnyCaller, Public};
    use Scope::{EventsManage, EventsRead, KeysManage, MetricsRead, OrdersRead, OrdersWrite};
    vec![
        endpoint("/orders").get(OrdersRead, list::list::<P>, list::list_doc()).post(
            OrdersWrite,
            create::create::<P>,
            create::create_doc(),
        ),
        endpoint("/orders/stats").get(OrdersRead, stats::stats::<P>, stats::stats_doc()),
        endpoint("/orders/batch").post(OrdersWrite, batch::create::<P>, batch::create_doc()),
        endpoint("/orders/{order_id}").get(OrdersRead, get::get::<P>, get::get_doc()),
        endpoint("/orders/{order_id}/items").post(OrdersWrite, items::add::<P>, items::add_doc()),
        endpoint("/orders/{order_id}/items/{line}")
            .patch(OrdersWrite, items::change_quantity::<P>, items::change_quantity_doc())
            .delete(OrdersWrite, items::remove::<P>, items::remove_doc()),
        endpoint("/orders/{order_id}/place").post(OrdersWrite, lifecycle::place::<P>, lifecycle::place_doc()),
        endpoint("/orders/{order_id}/cancel").post(OrdersWrite, lifecycle::cancel::<P>, lifecycle::cancel_doc()),
        endpoint("/orders/{order_id}/fulfil").post(OrdersWrite, lifecycle::fulfil::<P>, lifecycle::fulfil_doc()),
        endpoint("/orders/{order_id}/events").get(OrdersRead, history::list::<P>, history::list_doc()),
        endpoint("/events").producing(feed::types()).get(EventsRead, feed::read::<P>, feed::read_doc()),
        endpoint("/events/stream").producing([mime::TEXT_EVENT_STREAM]).get(
            EventsRead,
            stream::follow::<P>,
            stream::follow_doc(),
        ),
        endpoint("/products").get(OrdersRead, products::list::<P>, products::list_doc()),
        endpoint("/sinks").get(EventsManage, sinks::list::list::<P>, sinks::list::list_doc()),
        endpoint("/sinks/{name}").get(EventsManage, sinks::list::get::<P>, sinks::list::get_doc()),
        endpoint("/sinks/{name}/pause").post(EventsManage, manage::pause::<P>, manage::pause_doc()),
        endpoint("/sinks/{name}/resume").post(EventsManage, manage::resume::<P>, manage::resume_doc()),
        endpoint("/sinks/{name}/move").post(EventsManage, move_sink::move_sink::<P>, move_sink::move_doc()),
        endpoint("/keys").get(KeysManage, keys::list::<P>, keys::list_doc()).post(
            KeysManage,
            keys::create::<P>,
            keys::create_doc(),
        ),
        endpoint("/keys/{key_id}").delete(KeysManage, keys::revoke::<P>, keys::revoke_doc()),
        endpoint("/keys/{key_id}/rotate").post(KeysManage, rotate_key::rotate::<P>, rotate_key::rotate_doc()),
        endpoint("/me").get(AnyCaller, caller::show, caller::show_doc()),
        endpoint("/health/live").producing(health::TYPES).get(Public, health::live, health::live_doc()),
        endpoint("/health/ready").producing(health::TYPES).get(Public, health::ready::<P>, health::ready_doc()),
        endpoint("/metrics").producing([mime::TEXT_PLAIN]).get(MetricsRead, metrics::show::<P>, metrics::show_doc()),
        endpoint("/openapi.json").get(Public, docs::openapi::<P>, docs::openapi_doc()),
        endpoint("/problems").producing([mime::TEXT_HTML]).get(Public, docs::problems, docs::problems_doc()),
        endpoint("/problems/{code}").producing([mime::TEXT_HTML]).get(Public, docs::problem, docs::problem_doc()),
        endpoint("/").producing([mime::STAR_STAR]).get(Public, console::root, console::root_doc()),
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

/// What the address for operators serves, to everybody who reaches it.
pub(super) fn configure_admin<P: Ports>(config: &mut ServiceConfig) {
    let demand = Demand::Public;
    let live = endpoint::<P>("/health/live").producing(health::TYPES);
    let ready = endpoint::<P>("/health/ready").producing(health::TYPES);
    let metrics = endpoint::<P>("/metrics").producing([mime::TEXT_PLAIN]);
    config.service(live.get(demand, health::live, health::live_doc()).into_resource());
    config.service(ready.get(demand, health::ready::<P>, health::ready_doc()).into_resource());
    config.service(metrics.get(demand, metrics::show::<P>, metrics::show_doc()).into_resource());
    config.default_service(web::to(async || Err::<HttpResponse, _>(Problem::route_not_found())));
}
