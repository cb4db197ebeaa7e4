use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{OrderQueries, Ports},
    http::{
        app_state::AppState,
        request::query::NoQuery,
        response::{
            code::Code,
            problem::{HttpResult, Problem},
        },
        routing::{doc::Doc, endpoint::negotiated},
    },
};

/// Probes of some load balancers accept only text.
pub(crate) const TYPES: [mime::Mime; 2] = [mime::APPLICATION_JSON, mime::TEXT_PLAIN];

/// The process answers. It checks no dependency, because a restart would not help a dependency.
pub(crate) async fn live(request: HttpRequest, _: NoQuery) -> HttpResult {
    Ok(respond(&request, "live"))
}

/// The service can take requests: the database answers, its schema is current, and no shutdown has begun.
pub(crate) async fn ready<P: Ports>(app: Data<AppState<P>>, request: HttpRequest, _: NoQuery) -> HttpResult {
    if app.is_draining() {
        return Err(Problem::new(
            Code::Draining,
            "The service is shutting down. Send the request to another instance.",
        ));
    }
    if let Some(starting) = app.starting() {
        return Err(starting);
    }
    app.ports().store().ready().await?;
    Ok(respond(&request, "ready"))
}

fn respond(request: &HttpRequest, status: &'static str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "accept"));
    match negotiated(request, &TYPES) {
        Some(text) if *text == mime::TEXT_PLAIN => {
            response.content_type(mime::TEXT_PLAIN_UTF_8.as_ref()).body(format!("{status}\n"))
        }
        _ => response.json(HealthBody { status }),
    }
}

pub(crate) fn live_doc() -> Doc {
    let example = json!({"status": "live"});
    Doc::new("Health", "live", "Check that the process runs")
        .response::<HealthBody>(200, "It runs", &example)
        .also_as_text(200)
}

pub(crate) fn ready_doc() -> Doc {
    Doc::new("Health", "ready", "Check that the service can take requests")
        .describe("The database answers, its schema is current, and the service is not shutting down.")
        .response::<HealthBody>(200, "It can", &json!({"status": "ready"}))
        .also_as_text(200)
        .problems(&[Code::StoreUnavailable, Code::Draining])
}

/// The state of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    status: &'static str,
}
