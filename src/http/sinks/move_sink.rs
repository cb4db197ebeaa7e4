use actix_web::{HttpResponse, web::Data};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    app::{CursorTarget, MoveSink, Ports},
    http::{
        app_state::AppState,
        request::{
            fields::{Body, FieldValue, Fields, Wrong},
            plain_body::PlainBody,
            query::NoQuery,
        },
        response::{
            code::Code,
            problem::{HttpResult, Problem},
        },
        routing::doc::Doc,
    },
};

use super::sink_body::{SinkBody, SinkName, sink_doc, sink_example};

pub(crate) async fn move_sink<P: Ports>(
    app: Data<AppState<P>>,
    SinkName(name): SinkName,
    _: NoQuery,
    PlainBody(target): PlainBody<Target>,
) -> HttpResult {
    let to = match target {
        Target { position: Some(Position(position)), time: None } => CursorTarget::Position(position),
        Target { position: None, time: Some(time) } => CursorTarget::Time(time),
        Target { .. } => {
            return Err(Problem::new(Code::ValidationFailed, "Send one of the fields position and time."));
        }
    };
    let sink = MoveSink(app.ports()).execute(&name, to).await?;
    Ok(HttpResponse::Ok().json(SinkBody::from(sink)))
}

pub(crate) fn move_doc() -> Doc {
    sink_doc(Doc::new("Sinks", "move_sink", "Move a sink to another position"))
        .describe("Back, and it gets the events behind the position again. Ahead, and it never gets the events in between. The sink begins at the new position within a second.")
        .body::<Target>(&json!({"position": 1_000}))
        .response::<SinkBody>(200, "The sink", &sink_example())
}

/// Where to move a sink: one of the two.
pub(crate) struct Target {
    position: Option<Position>,
    time: Option<OffsetDateTime>,
}

impl Body for Target {
    const NAME: &'static str = "SinkTarget";
    const TEXT: &'static str = "Where a sink continues. Send one of the two fields.";

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let position = fields
            .optional("position", "The sink continues with the event behind this position; 0 for the first event.");
        let time =
            fields.optional("time", "The sink continues with the first event that happened at this time or later.");
        Some(Self { position: position?, time: time? })
    }
}

struct Position(u64);

impl FieldValue for Position {
    fn schema() -> Value {
        json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,19}$"})
    }

    /// A number, or its digits as events have them.
    fn read(value: Value) -> Result<Self, Wrong> {
        let is_text_of_digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let position = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => Some(text.as_str()).filter(is_text_of_digits).and_then(|text| text.parse().ok()),
            _ => return Err(Wrong::Type("a whole number")),
        };
        let in_range = position.filter(|position| i64::try_from(*position).is_ok());
        in_range.map(Self).ok_or_else(|| Wrong::Value("The value is a whole number from 0 on.".to_owned()))
    }
}
