use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode, Uri,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use crate::{
    app::{Clock, IdGenerator, Ports},
    http::{
        app_state::AppState,
        connection::ClientConnection,
        request::{entity_tags::has_no_tag, target::check_encoding},
        request_id::{RequestId, X_REQUEST_ID},
        response::{base_path::BasePath, code::Code, problem::Problem},
        routing::endpoint::accepted_type_header,
    },
    trace::TraceContext,
};

use super::hosts::AllowedHosts;

/// Wraps every request: gives it an id, writes problems, turns a panic into a problem, adds the headers of every response,
/// and logs one line.
pub(crate) async fn observe<P: Ports>(
    app: Data<AppState<P>>,
    base: Data<BasePath>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let ports = app.ports();
    let now = ports.clock().now();
    let id = RequestId::from_headers(request.headers(), ports.ids(), now);
    let trace = trace(request.headers()).unwrap_or_else(|| TraceContext::begin(ports.ids().event_id(now).as_u128()));
    trace.scope(respond(app, base, request, next, id)).await
}

/// What every route refuses by the head of a request.
fn check_head<P: Ports>(app: &AppState<P>, request: &HttpRequest) -> Result<(), Problem> {
    if let Some(refusal) = ClientConnection::refusal(request) {
        return Err(refusal.into());
    }
    let hosts: Option<&AllowedHosts> = request.app_data();
    hosts.ok_or_else(|| Problem::internal("the allowed hosts are not set"))?.check(request)?;
    let limit = app.limits().header_bytes;
    if header_bytes(request.headers()) > limit {
        let detail = format!("The headers of a request have at most {limit} bytes. Send fewer or shorter ones.");
        return Err(Problem::new(Code::HeadersTooLarge, detail));
    }
    check_encoding(request.uri())
}

/// The trace of the caller (W3C Trace Context, section 3.2). Two headers count as none.
fn trace(headers: &header::HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT);
    let (value, None) = (values.next()?, values.next()) else { return None };
    TraceContext::parse(value.to_str().ok()?.trim())
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

async fn respond<P: Ports>(
    app: Data<AppState<P>>,
    base: Data<BasePath>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: RequestId,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let counted = app.metrics().begin_request(begun);
    request.extensions_mut().insert(id.clone());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answered = match check_head(&app, request.request()) {
        Ok(()) => AssertUnwindSafe(next.call(request)).catch_unwind().await,
        Err(problem) => Ok(Err(problem.into())),
    };
    // The panic hook has written the panic to standard error. The handler has consumed the request.
    let answered = answered.unwrap_or_else(|_panic| Err(Problem::internal("the handler panicked").into()));
    let (request, mut response) = match answered {
        Ok(response) => {
            let (request, response) = response.map_into_boxed_body().into_parts();
            let problem = problem_instead(&app, &base, &method, &request, &uri, &response, &id);
            (Some(request), problem.unwrap_or(response))
        }
        Err(error) => (None, write(&app, &base, &uri, &error, &id)),
    };
    add_headers(&method, response.status(), response.headers_mut(), &id);
    base.prepend_to_headers(response.headers_mut());
    let route = request.as_ref().and_then(HttpRequest::match_pattern);
    counted.respond(route.as_deref(), &method, response.status());
    log_access(&method, &uri, response.status(), begun, &id);
    match request {
        Some(request) => Ok(ServiceResponse::new(request, response)),
        None => Err(InternalError::from_response("the handler consumed the request", response).into()),
    }
}

/// The problem of a failed response, written, with the headers of the response that remain true. `None` if it did not fail.
fn problem_instead<P: Ports>(
    app: &AppState<P>,
    base: &BasePath,
    method: &Method,
    request: &HttpRequest,
    uri: &Uri,
    response: &HttpResponse,
    id: &RequestId,
) -> Option<HttpResponse> {
    let mut problem = match response.error() {
        Some(error) => write(app, base, uri, error, id),
        // The file server and Swagger UI write their own responses.
        None if response.status().is_client_error() || response.status().is_server_error() => {
            write_problem(app, base, uri, &Problem::from_status(response.status()), id)
        }
        None => write_problem(app, base, uri, &failed_if_match(method, request, response)?, id),
    };
    for (name, value) in response.headers() {
        // A 416 has the length of the file (RFC 9110, section 14.4).
        if *name == header::VARY || *name == header::CONTENT_RANGE || name.as_str().starts_with("access-control-") {
            problem.headers_mut().insert(name.clone(), value.clone());
        }
    }
    Some(problem)
}

/// `If-Match` on a read of what has no entity tag. Everything that has one compares it itself.
fn failed_if_match(method: &Method, request: &HttpRequest, response: &HttpResponse) -> Option<Problem> {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let is_untagged = response.status().is_success() && !response.headers().contains_key(header::ETAG);
    if is_read && is_untagged && request.headers().contains_key(header::IF_MATCH) {
        has_no_tag(request).err()
    } else {
        None
    }
}

/// The problem of an error, written.
fn write<P: Ports>(app: &AppState<P>, base: &BasePath, uri: &Uri, error: &Error, id: &RequestId) -> HttpResponse {
    match error.as_error::<Problem>() {
        Some(problem) => write_problem(app, base, uri, problem, id),
        None => write_problem(app, base, uri, &Problem::from_framework(error), id),
    }
}

fn write_problem<P: Ports>(
    app: &AppState<P>,
    base: &BasePath,
    uri: &Uri,
    problem: &Problem,
    id: &RequestId,
) -> HttpResponse {
    problem.log(id, app.outages().begins(app.ports(), problem));
    problem.write(base.as_str(), uri.path(), id.as_str())
}

fn header_bytes(headers: &header::HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn add_headers(method: &Method, status: StatusCode, headers: &mut header::HeaderMap, id: &RequestId) {
    if let Some(id) = id.header() {
        headers.insert(X_REQUEST_ID, id);
    }
    let is_read = *method == Method::GET || *method == Method::HEAD;
    if is_read && !headers.contains_key(header::CACHE_CONTROL) {
        // A cache may keep what has an entity tag, and checks it each time. It keeps nothing else.
        let directive = if headers.contains_key(header::ETAG) { "no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(directive));
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE
        && let Some(name) = accepted_type_header(method)
    {
        headers.insert(name, HeaderValue::from_static("application/json"));
    }
    for (name, value) in SECURITY_HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// A browser guesses no content type, sends no referrer, and shows no page in a frame.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

fn log_access(method: &Method, uri: &Uri, status: StatusCode, begun: Instant, id: &RequestId) {
    log::info!(
        target: "orders::http::access",
        request_id = id.as_str(),
        method = method.as_str(),
        path = uri.path(),
        status = status.as_u16(),
        duration_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        "request"
    );
}
