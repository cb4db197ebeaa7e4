use std::path::PathBuf;

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};

use crate::app::Ports;

use super::{console, endpoint::endpoint, health, orders, problem::Problem, products};

/// The whole API.
pub(super) fn configure<P: Ports>(config: &mut ServiceConfig, static_dir: &PathBuf) {
    for endpoint in [
        endpoint("/orders").get(orders::list::<P>).post(orders::create::<P>),
        endpoint("/orders/{order_id}").get(orders::get::<P>),
        endpoint("/orders/{order_id}/items").post(orders::add_item::<P>),
        endpoint("/products").get(products::list::<P>),
        endpoint("/health/live").get(health::live),
        endpoint("/health/ready").get(health::ready::<P>),
        endpoint("/").get(console::root),
    ] {
        endpoint.register(config);
    }
    console::register(config, static_dir);
    config.default_service(web::to(async || Err::<HttpResponse, _>(Problem::route_not_found())));
}
