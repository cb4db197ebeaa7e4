use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{OrderQueries, Ports, SinkCursors, SinkState, SinkStatus},
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
    Ok(respond(&request, "live", &HealthBody { status: "live" }))
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
    let body = ReadyBody { status: "ready", degraded_sinks: degraded_sinks(app.ports()).await };
    Ok(respond(&request, body.status, &body))
}

/// The sinks that do not move. The service is ready without them: a request needs no sink.
async fn degraded_sinks<P: Ports>(ports: &P) -> Vec<String> {
    let sinks = tokio::time::timeout(SINKS_TIMEOUT, ports.store().sinks()).await;
    let sinks = sinks.into_iter().flatten().flatten();
    let is_degraded = |sink: &SinkStatus| matches!(sink.state(), SinkState::Failing | SinkState::Unheld);
    sinks.filter(is_degraded).map(|sink| sink.name).collect()
}

/// A probe does not wait for the sinks.
const SINKS_TIMEOUT: Duration = Duration::from_millis(500);

fn respond(request: &HttpRequest, status: &str, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "accept"));
    match negotiated(request, &TYPES) {
        Some(text) if *text == mime::TEXT_PLAIN => {
            response.content_type(mime::TEXT_PLAIN_UTF_8.as_ref()).body(format!("{status}\n"))
        }
        _ => response.json(body),
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
        .describe("The database answers, its schema is current, and the service is not shutting down. A sink that does not move changes nothing of it.")
        .response::<ReadyBody>(200, "It can", &json!({"status": "ready", "degraded_sinks": []}))
        .also_as_text(200)
        .problems(&[Code::StoreUnavailable, Code::Draining])
}

/// The service can take requests.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadyBody {
    status: &'static str,
    /// The sinks of the event log that do not move because of an error, or that no instance works.
    degraded_sinks: Vec<String>,
}

/// The state of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    status: &'static str,
}
