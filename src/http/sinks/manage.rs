//! Pause and resume a sink.

use actix_web::{HttpResponse, web::Data};
use serde_json::json;

use crate::{
    app::{PauseSink, Ports},
    http::{app_state::AppState, request::query::NoQuery, response::problem::HttpResult, routing::doc::Doc},
};

use super::sink_body::{SinkBody, SinkName, sink_doc, sink_example};

pub(crate) async fn pause<P: Ports>(app: Data<AppState<P>>, name: SinkName, _: NoQuery) -> HttpResult {
    set(&app, &name, true).await
}

pub(crate) async fn resume<P: Ports>(app: Data<AppState<P>>, name: SinkName, _: NoQuery) -> HttpResult {
    set(&app, &name, false).await
}

async fn set<P: Ports>(app: &AppState<P>, SinkName(name): &SinkName, paused: bool) -> HttpResult {
    let sink = PauseSink(app.ports()).execute(name, paused).await?;
    Ok(HttpResponse::Ok().json(SinkBody::from(sink)))
}

#[expect(clippy::indexing_slicing, reason = "the example is an object made here")]
pub(crate) fn pause_doc() -> Doc {
    let mut example = sink_example();
    example["state"] = json!("paused");
    sink_doc(Doc::new("Sinks", "pause_sink", "Pause a sink"))
        .describe("Within a second nothing is sent to it any more. It keeps its position, so it loses nothing. To pause it again changes nothing.")
        .response::<SinkBody>(200, "The paused sink", &example)
}

pub(crate) fn resume_doc() -> Doc {
    sink_doc(Doc::new("Sinks", "resume_sink", "Resume a paused sink"))
        .describe("It goes on behind its position. To resume a sink that is not paused changes nothing.")
        .response::<SinkBody>(200, "The sink", &sink_example())
}
