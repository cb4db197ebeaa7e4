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
        EventPage, EventStreamError, Ports, ReadEvents, ReadEventsError, ReadEventsRequest, SubscribeEvents,
        SubscribeEventsRequest,
    },
    domain::Scope,
    http::{
        app_state::AppState,
        connection::ClientConnection,
        middleware::authorize::access_ends,
        request::{
            caller::Caller,
            query::{Parameters, Query, QueryParameters},
        },
        response::{
            cloud_event::{BATCH, CloudEvent, cloud_events, event_example},
            code::Code,
            problem::HttpResult,
        },
        routing::{doc::Doc, endpoint::negotiated},
    },
};

use super::event_query::{EventQuery, MAX_POSITION};

/// How long a request may wait for an event, in seconds.
const MAX_WAIT: u64 = 60;

/// The types of a page: the same bytes, under the name that a client of JSON knows, too.
pub(crate) fn types() -> [mime::Mime; 2] {
    [BATCH.clone(), mime::APPLICATION_JSON]
}

/// A page of the event log. If the page is empty, it waits for an event for as long as the caller allows.
pub(crate) async fn read<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(query): Query<FeedQuery>,
    request: HttpRequest,
    connection: ClientConnection,
) -> HttpResult {
    let types = types();
    let media_type = negotiated(&request, &types).unwrap_or(&BATCH).clone();
    let method = request.method().clone();
    let FeedQuery { after, limit, wait, events } = query;
    let mut request = ReadEventsRequest { filter: events.filter(app.ports(), &caller).await?, after, limit };
    let mut page = ReadEvents(app.ports()).execute(&request).await?;
    if page.events.is_empty() && wait > 0 && method != Method::HEAD {
        let _waiting = app.admit_waiting()?;
        if connection.begin_waiting() {
            request.after = page.position;
            page = tokio::select! {
                page = next_page(app.ports(), &request) => page?,
                () = tokio::time::sleep(Duration::from_secs(wait)) => page,
                () = app.drained() => page,
                () = access_ends(app.ports().clone(), caller, Scope::EventsRead) => page,
            };
        }
    }
    let link = |relation: &str, position| format!("<{}>; rel=\"{relation}\"", path(&request, position, wait));
    let link = format!("{}, {}", link("next", page.position), link("last", page.last));
    let mut response = HttpResponse::Ok();
    response.content_type(media_type.as_ref()).insert_header((header::VARY, "accept"));
    Ok(response.insert_header((header::LINK, link)).body(cloud_events(&page.events, request.filter.audience())))
}

pub(crate) fn read_doc() -> Doc {
    Doc::new("Events", "read_events", "Read the event log from a position on")
        .describe(
            "Events come by position: dense, in commit order, and never one before the one ahead of it. \
             With `wait`, an empty page waits for the next event.",
        )
        .query::<FeedQuery>()
        .response_as::<CloudEvent>(200, &BATCH, "The events, by position (CloudEvents 1.0)", &json!([event_example()]))
        .also_as(200, &BATCH, &mime::APPLICATION_JSON)
        .response_header(
            200,
            "Link",
            &json!({"type": "string"}),
            "`next` is the next page (RFC 8288): it begins behind every event that was searched, whether the filter matched it or not. \
             `last` begins behind the newest event",

        )
        .problems(&[Code::OtherCustomer, Code::OrderNotFound, Code::PositionRetired, Code::PositionAhead, Code::StoreUnavailable, Code::TooManyStreams])
}

/// Which page of the event log.
pub(crate) struct FeedQuery {
    after: u64,
    limit: usize,
    wait: u64,
    events: EventQuery,
}

impl QueryParameters for FeedQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        let (max, default) = (ReadEvents::<()>::MAX_LIMIT, ReadEvents::<()>::DEFAULT_LIMIT);
        let wait = "How many seconds to wait if there is no event yet";
        Self {
            after: parameters.number("after", "The last position that the caller has; 0 for none", 0..=MAX_POSITION, 0),
            limit: parameters.number("limit", "The most events to return", 1..=max, default),
            wait: parameters.number("wait", wait, 0..=MAX_WAIT, 0),
            events: EventQuery::define(parameters),
        }
    }
}

/// Waits for an event. The page has all events that are there by then.
async fn next_page<P: Ports>(ports: &P, page: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
    let mut after = page.after;
    loop {
        let request = SubscribeEventsRequest { filter: page.filter.clone(), after: Some(after) };
        let mut stream = SubscribeEvents(ports).execute(request).await?;
        match stream.next().await {
            Ok(_) => return ReadEvents(ports).execute(page).await,
            Err(EventStreamError::Lagged(_)) => after = stream.position(),
            Err(EventStreamError::Read(error)) => return Err(error),
        }
    }
}

/// The path of the page behind this position.
fn path(page: &ReadEventsRequest, position: u64, wait: u64) -> String {
    let path = "/events?";
    let mut query = Serializer::for_suffix(path.to_owned(), path.len());
    query.append_pair("after", &position.to_string()).append_pair("limit", &page.limit.to_string());
    if wait > 0 {
        query.append_pair("wait", &wait.to_string());
    }
    if let Some(order_id) = page.filter.order_id {
        query.append_pair("order_id", &order_id.to_string());
    }
    if page.filter.tenant.is_none() {
        query.append_pair("all_tenants", "true");
    }
    if !page.filter.types.is_empty() {
        query.append_pair("type", &page.filter.types.join(","));
    }
    query.finish()
}
