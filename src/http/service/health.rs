use actix_web::{HttpResponse, web::Data};
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
        routing::doc::Doc,
    },
};

/// The process answers. It checks no dependency, because a restart would not help a dependency.
pub(crate) async fn live(_: NoQuery) -> HttpResult {
    Ok(HttpResponse::Ok().json(HealthBody { status: "live" }))
}

/// The service can take requests: the database answers, its schema is current, and no shutdown has begun.
pub(crate) async fn ready<P: Ports>(app: Data<AppState<P>>, _: NoQuery) -> HttpResult {
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
    Ok(HttpResponse::Ok().json(HealthBody { status: "ready" }))
}

pub(crate) fn live_doc() -> Doc {
    let example = json!({"status": "live"});
    Doc::new("Health", "live", "Check that the process runs").response::<HealthBody>(200, "It runs", &example)
}

pub(crate) fn ready_doc() -> Doc {
    Doc::new("Health", "ready", "Check that the service can take requests")
        .describe("The database answers, its schema is current, and the service is not shutting down.")
        .response::<HealthBody>(200, "It can", &json!({"status": "ready"}))
        .problems(&[Code::StoreUnavailable, Code::Draining])
}

/// The state of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    status: &'static str,
}
