use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    app::{ManageSinkError, SinkStatus},
    http::{
        response::{code::Code, problem::Problem, timestamp},
        routing::doc::Doc,
    },
};

/// A sink of the event log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sink)]
pub(super) struct SinkBody {
    name: String,
    /// What the sink is: `log`, `broker` or `read_model`. A newer release may add kinds.
    kind: String,
    /// running: an instance works it. paused: an operator has paused it. failing: it does not move because of an error, and the
    /// relay tries again. unheld: no instance works it.
    state: &'static str,
    /// The sink has every event up to this position.
    #[schema(minimum = 0)]
    position: u64,
    /// The last position of the event log.
    #[schema(minimum = 0)]
    head: u64,
    /// How many events the sink does not have yet.
    #[schema(minimum = 0)]
    lag_events: u64,
    /// The age of the first event that the sink does not have, in seconds; 0 if it has every event.
    #[schema(minimum = 0.0)]
    lag_seconds: f64,
    /// Why the sink does not move; null if it moves.
    #[schema(required = true)]
    error: Option<String>,
    /// Since when it does not move; null if it moves.
    #[schema(required = true, format = DateTime)]
    failing_since: Option<String>,
    /// The instance that works the sink; null if none does.
    #[schema(required = true)]
    holder: Option<String>,
}

impl From<SinkStatus> for SinkBody {
    fn from(status: SinkStatus) -> Self {
        let (state, lag_events) = (status.state().as_str(), status.lag_events());
        let (error, failing_since) = status.failure.map(|(error, since)| (error, timestamp::text(since))).unzip();
        Self {
            name: status.name,
            kind: status.kind,
            state,
            position: status.position,
            head: status.head,
            lag_events,
            lag_seconds: (status.lag.as_secs_f64() * 1000.0).round() / 1000.0,
            error,
            failing_since,
            holder: status.holder,
        }
    }
}

pub(super) fn sink_example() -> Value {
    json!({
        "name": "rabbitmq", "kind": "broker", "state": "running", "position": 1_204, "head": 1_210, "lag_events": 6,
        "lag_seconds": 0.012, "error": null, "failing_since": null, "holder": "01890a5d-ac96-774b-bcce-b302099a8057",
    })
}

/// The sink that the path names.
pub(crate) struct SinkName(pub(super) String);

impl FromRequest for SinkName {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("name").unwrap_or_default();
        ready(if name.contains('\0') { Err(unknown_sink(name).into()) } else { Ok(Self(name.to_owned())) })
    }
}

pub(super) fn unknown_sink(name: &str) -> Problem {
    ManageSinkError::UnknownSink(name.to_owned()).into()
}

pub(super) fn sink_doc(doc: Doc) -> Doc {
    doc.path("name", &json!({"type": "string", "minLength": 1}), "The sink").problems(&[Code::SinkNotFound])
}
