use actix_cors::Cors;
use actix_web::http::{
    Method,
    header::{self, HeaderName},
};

use crate::http::{
    request::idempotency_key::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED},
    request_id::X_REQUEST_ID,
};

/// Lets the pages of these origins call the API (the CORS protocol of the Fetch standard), and of no other origin.
pub(crate) fn allow(origins: &[String]) -> Cors {
    let allowed =
        [header::ACCEPT, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH, IDEMPOTENCY_KEY, X_REQUEST_ID];
    let exposed: [HeaderName; 6] =
        [header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER, IDEMPOTENT_REPLAYED, X_REQUEST_ID];
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allowed_headers(allowed)
        .expose_headers(exposed)
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
