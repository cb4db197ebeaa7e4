use actix_cors::Cors;
use actix_web::http::{
    Method,
    header::{self, HeaderName},
};

use crate::http::{
    middleware::authorize::{RATE_LIMIT, RATE_LIMIT_POLICY},
    request::idempotency_key::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED},
    request_id::X_REQUEST_ID,
    routing::endpoint::{ACCEPT_PATCH, ACCEPT_POST},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Lets the pages of these origins call the API (the CORS protocol of the Fetch standard), and of no other origin.
pub(crate) fn allow(origins: &[String]) -> Cors {
    let allowed = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        IDEMPOTENCY_KEY,
        LAST_EVENT_ID,
        TRACEPARENT,
        TRACESTATE,
        X_REQUEST_ID,
    ];
    // Besides those that pages may always read.
    let exposed = [
        ACCEPT_PATCH,
        ACCEPT_POST,
        header::ACCEPT_RANGES,
        header::ALLOW,
        header::CONTENT_RANGE,
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        header::WWW_AUTHENTICATE,
        RATE_LIMIT,
        RATE_LIMIT_POLICY,
        IDEMPOTENT_REPLAYED,
        X_REQUEST_ID,
    ];
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allowed_headers(allowed)
        .expose_headers(exposed)
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
