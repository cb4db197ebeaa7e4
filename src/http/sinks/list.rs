use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{ListSinks, Ports},
    http::{app_state::AppState, request::query::NoQuery, response::problem::HttpResult, routing::doc::Doc},
};

use super::sink_body::{SinkBody, SinkName, sink_doc, sink_example, unknown_sink};

pub(crate) async fn list<P: Ports>(app: Data<AppState<P>>, _: NoQuery) -> HttpResult {
    let sinks = ListSinks(app.ports()).execute().await?;
    Ok(HttpResponse::Ok().json(SinksBody { sinks: sinks.into_iter().map(SinkBody::from).collect() }))
}

pub(crate) fn list_doc() -> Doc {
    Doc::new("Sinks", "list_sinks", "List the sinks of the event log, by name")
        .describe("The relay delivers every event of every tenant to each sink.")
        .response::<SinksBody>(200, "The sinks of all instances", &json!({"sinks": [sink_example()]}))
}

pub(crate) async fn get<P: Ports>(app: Data<AppState<P>>, SinkName(name): SinkName, _: NoQuery) -> HttpResult {
    let sinks = ListSinks(app.ports()).execute().await?;
    let sink = sinks.into_iter().find(|sink| sink.name == name).ok_or_else(|| unknown_sink(&name))?;
    Ok(HttpResponse::Ok().json(SinkBody::from(sink)))
}

pub(crate) fn get_doc() -> Doc {
    sink_doc(Doc::new("Sinks", "get_sink", "Get the state of a sink")).response::<SinkBody>(
        200,
        "The sink",
        &sink_example(),
    )
}

/// The sinks of the event log.
#[derive(Serialize, ToSchema)]
#[schema(as = Sinks)]
struct SinksBody {
    sinks: Vec<SinkBody>,
}
