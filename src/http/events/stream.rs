use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, CacheDirective, HeaderName},
    },
    web::{Bytes, Data},
};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{EventFilter, EventStream, EventStreamError, FollowEvents, FollowEventsRequest, LoggedEvent, Ports},
    http::{
        app_state::AppState,
        request::parameters::{Query, number},
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::{
    event_body::{EventQuery, wanted_doc},
    feed::MAX_POSITION,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells a proxy in front not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a browser waits before it connects again, in milliseconds.
const RETRY: u32 = 1000;

/// The log as server-sent events (HTML standard, section 9.2), for as long as both sides are there.
pub(crate) async fn follow<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let after = query.optional("after", number(0..=MAX_POSITION));
    let EventQuery { order_id, types } = EventQuery::of(&mut query);
    query.finish()?;
    // What the client had when it lost the connection counts more than what it began with.
    let after = last_event_id(&request)?.or(after);
    let waits = app.may_wait()?;
    let filter = EventFilter { tenant: Some(app.tenant()), order_id, types };
    let events = FollowEvents(app.ports()).execute(FollowEventsRequest { filter, after }).await?;
    let mut response = HttpResponse::Ok();
    response.content_type(mime::TEXT_EVENT_STREAM.as_ref());
    response.insert_header(header::CacheControl(vec![CacheDirective::NoStore]));
    response.insert_header((X_ACCEL_BUFFERING, "no"));
    Ok(if request.method() == Method::HEAD {
        response.finish()
    } else {
        response.streaming(frames(events, app.bounds().heartbeat, app.drained(), waits))
    })
}

pub(crate) fn follow_doc() -> Doc {
    let position = json!({"type": "integer", "minimum": 0, "maximum": MAX_POSITION});
    let doc = Doc::new("Events", "follow_events", "Follow the log as server-sent events")
        .describe(
            "Each event has its position as `id`, its type as `event`, and the CloudEvent as `data`. A stream begins with what \
             comes next, or behind the given position. Comments tell that it is still there, with the position up to which \
             the caller has everything. A client that is slower than the events come is disconnected; it goes on where it was \
             by `Last-Event-ID`, as browsers do by themselves.",
        )
        .parameter("query", "after", &position, "The last position that the caller has; 0 for the whole log")
        .parameter(
            "header",
            "Last-Event-ID",
            &json!({"type": "string", "pattern": "^[0-9]*$", "maxLength": 19}),
            "The last position that the caller had when it lost the connection; counts more than `after`",
        );
    wanted_doc(doc).other_answer(200, "The events, as they come", Some("text/event-stream")).problems(&[
        Code::PositionRetired,
        Code::StoreUnavailable,
        Code::TooManyStreams,
    ])
}

/// An empty one says nothing: so a browser asks that has not heard of any event yet.
fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(value) = request.headers().get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let refused = |detail| Problem::parameter("last-event-id", detail);
    let text = value.to_str().map_err(|_| refused("The value is a position, in digits.".to_owned()))?;
    number(0..=MAX_POSITION)(text).map(Some).map_err(refused)
}

/// What goes over the wire. It ends when the client is too slow, the log cannot be read, or the service stops.
fn frames<P: Ports>(
    events: EventStream<P>,
    heartbeat: Duration,
    drained: impl Future<Output = ()> + 'static,
    waits: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let opening = format!("retry: {RETRY}\n{}", still_there(&events));
    let first = stream::once(async { Ok(Bytes::from(opening)) });
    let rest = stream::unfold((events, waits), move |(mut events, waits)| async move {
        let frame = match tokio::time::timeout(heartbeat, events.next()).await {
            Ok(Ok(event)) => frame(&event),
            Ok(Err(ended)) => {
                log_end(&ended);
                return None;
            }
            Err(_silence) => still_there(&events),
        };
        Some((Ok(Bytes::from(frame)), (events, waits)))
    });
    futures_util::StreamExt::take_until(futures_util::StreamExt::chain(first, rest), Box::pin(drained))
}

fn frame(event: &LoggedEvent) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.position, event.event_type, event.cloud_event())
}

/// A comment, and the position up to which the client has everything: an id without data sets what it resumes from,
/// and dispatches nothing.
fn still_there<P: Ports>(events: &EventStream<P>) -> String {
    format!(": still there\nid: {}\n\n", events.position())
}

fn log_end(ended: &EventStreamError) {
    match ended {
        EventStreamError::Lagged(lagged) => log::info!("a stream of events ends, to be resumed: {lagged}"),
        EventStreamError::Read(error) => log::warn!("a stream of events ends, to be resumed: {error}"),
    }
}
