use std::{
    future::{Ready, ready},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        Method,
        header::{self, CacheDirective, HeaderName},
    },
    web::{Bytes, Data},
};
use futures_util::{FutureExt, Stream, future::select, stream};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{EventFilter, EventStream, EventStreamError, LoggedEvent, Ports, SubscribeEvents, SubscribeEventsRequest},
    domain::Scope,
    http::{
        app_state::AppState,
        connection::ClientConnection,
        middleware::authorize::access_ends,
        request::{
            caller::Caller,
            query::{Parameters, Query, QueryParameters, number},
        },
        response::{
            code::Code,
            problem::{HttpResult, Problem},
        },
        routing::doc::Doc,
    },
};

use super::event_query::{EventQuery, MAX_POSITION};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// With the value `no`, it keeps a proxy from holding events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The length of the largest position.
const MAX_DIGITS: usize = 19;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY: u32 = 1000;

/// The event log as server-sent events (HTML standard, section 9.2), until the client or the service ends the stream.
pub(crate) async fn follow<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(StreamQuery { after, events }): Query<StreamQuery>,
    LastEventId(last): LastEventId,
    method: Method,
    connection: ClientConnection,
) -> HttpResult {
    let permit = app.admit_waiting()?;
    // A client that reconnects sends its first `after` again: `Last-Event-ID` is newer.
    let request = SubscribeEventsRequest { filter: events.filter(app.ports(), &caller).await?, after: last.or(after) };
    let events = SubscribeEvents(app.ports()).execute(request).await?;
    let mut response = HttpResponse::Ok();
    response.content_type(mime::TEXT_EVENT_STREAM.as_ref());
    response.insert_header(header::CacheControl(vec![CacheDirective::NoStore]));
    response.insert_header((X_ACCEL_BUFFERING, "no"));
    Ok(if method == Method::HEAD || !connection.begin_waiting() {
        response.finish()
    } else {
        let ended =
            select(Box::pin(app.drained()), Box::pin(access_ends(app.ports().clone(), caller, Scope::EventsRead)));
        response.streaming(frames(events, app.limits().heartbeat, ended.map(drop), permit))
    })
}

pub(crate) fn follow_doc() -> Doc {
    Doc::new("Events", "follow_events", "Follow the event log as server-sent events")
        .describe(
            "Each event has its position as `id`, its type as `event`, and the CloudEvent as `data`. A stream begins with the \
             next event, or behind the given position. While there is no event, comments show that the stream is alive; their \
             `id` is the position up to which the caller has everything. The service disconnects a client that is slower than \
             the events come. The client resumes by `Last-Event-ID`, as browsers do by themselves.",
        )
        .query::<StreamQuery>()
        .header(
            "Last-Event-ID",
            &json!({"type": "string", "pattern": "^[0-9]*$", "maxLength": MAX_DIGITS}),
            "The last position that the caller had when the connection ended; it overrides `after`",
        )
        .other_response(200, "The events, as they come", Some("text/event-stream"))
        .problems(&[Code::OtherCustomer, Code::OrderNotFound, Code::PositionRetired, Code::PositionAhead, Code::StoreUnavailable, Code::TooManyStreams])
}

/// Where a stream begins, and which events it has.
pub(crate) struct StreamQuery {
    after: Option<u64>,
    events: EventQuery,
}

impl QueryParameters for StreamQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        let after = "The last position that the caller has; 0 for the whole event log";
        Self {
            after: parameters.optional_number("after", after, 0..=MAX_POSITION),
            events: EventQuery::define(parameters),
        }
    }
}

/// The position that a reconnecting client had. The header is empty if a browser has not received an event yet.
pub(crate) struct LastEventId(Option<u64>);

impl FromRequest for LastEventId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
            return ready(Ok(Self(None)));
        };
        let is_short = value.len() <= MAX_DIGITS;
        let text = value.to_str().ok().filter(|_| is_short);
        let text = text.ok_or_else(|| format!("The value is a position, in at most {MAX_DIGITS} digits."));
        let position = text.and_then(|text| number(text, &(0..=MAX_POSITION)));
        ready(position.map(|last| Self(Some(last))).map_err(|detail| Problem::parameter("last-event-id", detail)))
    }
}

/// The bytes of the stream. It ends when the client is too slow, the event log cannot be read, or the service stops.
fn frames<P: Ports>(
    events: EventStream<P>,
    heartbeat: Duration,
    ended: impl Future<Output = ()> + 'static,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let opening = format!("retry: {RETRY}\n{}", still_there(&events));
    let first = stream::once(async { Ok(Bytes::from(opening)) });
    let rest = stream::unfold((events, permit), move |(mut events, permit)| async move {
        let frame = match tokio::time::timeout(heartbeat, events.next()).await {
            Ok(Ok(event)) => frame(&event, events.filter()),
            Ok(Err(ended)) => {
                log_end(&ended);
                return None;
            }
            Err(_silence) => still_there(&events),
        };
        Some((Ok(Bytes::from(frame)), (events, permit)))
    });
    futures_util::StreamExt::take_until(futures_util::StreamExt::chain(first, rest), Box::pin(ended))
}

fn frame(event: &LoggedEvent, filter: &EventFilter) -> String {
    let (number, data) = (filter.number(event), event.cloud_event(filter.audience()));
    format!("id: {number}\nevent: {}\ndata: {data}\n\n", event.event_type)
}

/// A comment, and the position up to which the client has everything. An `id` without data dispatches no event, but
/// the client resumes from it.
fn still_there<P: Ports>(events: &EventStream<P>) -> String {
    format!(": still there\nid: {}\n\n", events.position())
}

fn log_end(ended: &EventStreamError) {
    match ended {
        EventStreamError::Lagged(lagged) => log::info!("an event stream ends, its client can resume: {lagged}"),
        EventStreamError::Read(error) => log::info!("an event stream ends, its client can resume: {error}"),
    }
}
