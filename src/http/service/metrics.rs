use std::time::Duration;

use actix_web::{HttpResponse, web::Data};

use crate::{
    app::{OrderQueries, Ports},
    http::{app_state::AppState, request::query::NoQuery, response::problem::HttpResult, routing::doc::Doc},
};

/// The text format 0.0.4 of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long to wait for the store before it counts as away.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) async fn show<P: Ports>(app: Data<AppState<P>>, _: NoQuery) -> HttpResult {
    let ready = !app.is_draining() && app.starting().is_none() && store_answers(&app).await;
    app.metrics().set_state(app.waiting_clients(), ready);
    Ok(HttpResponse::Ok().content_type(TEXT).body(app.render_metrics()))
}

async fn store_answers<P: Ports>(app: &AppState<P>) -> bool {
    matches!(tokio::time::timeout(READY_TIMEOUT, app.ports().store().ready()).await, Ok(Ok(())))
}

pub(crate) fn show_doc() -> Doc {
    Doc::new("Health", "metrics", "Read the metrics, in the text format of Prometheus").other_response(
        200,
        "The metrics",
        Some("text/plain"),
    )
}
