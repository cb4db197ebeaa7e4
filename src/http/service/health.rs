use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{OrderQueries, Ports},
    http::{
        app_state::AppState,
        request::parameters::no_query,
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

pub(crate) fn live_doc() -> Doc {
    Doc::new("Health", "live", "Tell whether the process runs").answer::<HealthBody>(
        200,
        "It does",
        &json!({"status": "live"}),
    )
}

pub(crate) fn ready_doc() -> Doc {
    Doc::new("Health", "ready", "Tell whether requests can be sent here")
        .describe("The database answers, its schema is current, and the service is not shutting down.")
        .answer::<HealthBody>(200, "They can", &json!({"status": "ready"}))
        .problems(&[Code::StoreUnavailable, Code::Draining])
}

/// How the service is.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    status: &'static str,
}

/// The process answers. Says nothing about what it depends on: a restart would not help those.
pub(crate) async fn live(request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    Ok(HttpResponse::Ok().json(HealthBody { status: "live" }))
}

/// Requests can be sent here: the database answers, its schema is current, and the service is not on its way out.
pub(crate) async fn ready<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    if app.is_draining() {
        return Err(Problem::new(Code::Draining, "The service is shutting down."));
    }
    app.ports().store().ready().await?;
    Ok(HttpResponse::Ok().json(HealthBody { status: "ready" }))
}
