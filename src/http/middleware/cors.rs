use actix_cors::Cors;
use actix_web::http::{
    Method,
    header::{self, HeaderName},
};

use crate::http::{
    request::conditions::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED},
    request_id::X_REQUEST_ID,
};

/// Which pages of other origins may call the API (the CORS protocol of the Fetch standard). Those that are not named may not.
pub(crate) fn allow(origins: &[String]) -> Cors {
    let accepted =
        [header::ACCEPT, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH, IDEMPOTENCY_KEY, X_REQUEST_ID];
    let shown: [HeaderName; 6] =
        [header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER, IDEMPOTENT_REPLAYED, X_REQUEST_ID];
    let named = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allowed_headers(accepted)
        .expose_headers(shown)
        .max_age(3600);
    origins.iter().fold(named, |cors, origin| cors.allowed_origin(origin))
}
