use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::Data,
};
use form_urlencoded::Serializer;
use serde_json::json;

use crate::{
    app::{
        EventFilter, EventPage, EventStreamError, FollowEvents, FollowEventsRequest, LoggedEvent, Ports, ReadEvents,
        ReadEventsError, ReadEventsRequest,
    },
    http::{
        app_state::AppState,
        request::parameters::{Query, number},
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::event_body::{BATCH, EventBody, EventQuery, event_example, wanted_doc};

/// How long a request may wait for an event, in seconds.
const MAX_WAIT: u64 = 60;

pub(crate) const MAX_POSITION: u64 = i64::MAX.cast_unsigned();

/// A page of the log. Where it would be empty, it waits for an event, as long as the caller wants.
pub(crate) async fn read<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let after = query.optional("after", number(0..=MAX_POSITION)).unwrap_or(0);
    let limit = query.optional("limit", number(1..=ReadEvents::<P>::MAX_LIMIT));
    let limit = limit.unwrap_or(ReadEvents::<P>::DEFAULT_LIMIT);
    let wait = query.optional("wait", number(0..=MAX_WAIT)).unwrap_or(0);
    let EventQuery { order_id, types } = EventQuery::of(&mut query);
    query.finish()?;
    let filter = EventFilter { tenant: Some(app.tenant()), order_id, types };
    let mut asked = ReadEventsRequest { filter, after, limit };
    let mut page = ReadEvents(app.ports()).execute(&asked).await?;
    if page.events.is_empty() && wait > 0 && request.method() != Method::HEAD {
        let _waits = app.may_wait()?;
        asked.after = page.position;
        page = tokio::select! {
            page = next_page(app.ports(), &asked) => page?,
            () = tokio::time::sleep(Duration::from_secs(wait)) => page,
            () = app.drained() => page,
        };
    }
    let link = |relation: &str, position| format!("<{}>; rel=\"{relation}\"", path(&asked, position, wait));
    let link = format!("{}, {}", link("next", page.position), link("last", page.last));
    let mut response = HttpResponse::Ok();
    Ok(response.content_type(BATCH.as_ref()).insert_header((header::LINK, link)).body(cloud_events(&page.events)))
}

pub(crate) fn read_doc() -> Doc {
    let whole = |minimum: u64, maximum: u64, default: u64| json!({"type": "integer", "minimum": minimum, "maximum": maximum, "default": default});
    let doc = Doc::new("Events", "read_events", "Read the log from a position on")
        .describe(
            "Events come by position: dense, in the order of the commits, and never one before the one ahead of it. \
             A page that would be empty waits for the next event, if `wait` says so.",
        )
        .parameter("query", "after", &whole(0, MAX_POSITION, 0), "The last position that the caller has; 0 for none")
        .parameter("query", "limit", &whole(1, 1000, 100), "How many events at the most")
        .parameter("query", "wait", &whole(0, MAX_WAIT, 0), "How many seconds to wait where there is no event yet");
    wanted_doc(doc)
        .answer_as::<EventBody>(200, &BATCH, "The events, by position (CloudEvents 1.0)", &json!([event_example()]))
        .header(
            200,
            "Link",
            &json!({"type": "string"}),
            "`next` is where to go on (RFC 8288): behind all that was looked through, whether a filter let it through or not. `last` is behind the newest event; one that is behind the caller tells that the log was restored from an older state",
        )
        .problems(&[Code::PositionRetired, Code::StoreUnavailable, Code::TooManyStreams])
}

/// Waits for an event; all that is there with it.
async fn next_page<P: Ports>(ports: &P, asked: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
    let mut after = asked.after;
    loop {
        let request = FollowEventsRequest { filter: asked.filter.clone(), after: Some(after) };
        let mut stream = FollowEvents(ports).execute(request).await?;
        match stream.next().await {
            Ok(_) => return ReadEvents(ports).execute(asked).await,
            Err(EventStreamError::Lagged(_)) => after = stream.position(),
            Err(EventStreamError::Read(error)) => return Err(error),
        }
    }
}

fn path(asked: &ReadEventsRequest, position: u64, wait: u64) -> String {
    let path = "/events?";
    let mut query = Serializer::for_suffix(path.to_owned(), path.len());
    query.append_pair("after", &position.to_string()).append_pair("limit", &asked.limit.to_string());
    if wait > 0 {
        query.append_pair("wait", &wait.to_string());
    }
    if let Some(order_id) = asked.filter.order_id {
        query.append_pair("order_id", &order_id.to_string());
    }
    if !asked.filter.types.is_empty() {
        query.append_pair("type", &asked.filter.types.join(","));
    }
    query.finish()
}

/// A JSON array of them (CloudEvents 1.0, JSON format, section 4).
pub(crate) fn cloud_events(events: &[LoggedEvent]) -> String {
    let mut json = String::from("[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(&event.cloud_event());
    }
    json.push(']');
    json
}
