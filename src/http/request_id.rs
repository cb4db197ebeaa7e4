use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::app::IdGenerator;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names one request in its response and in the log: the caller's own id if it is well-formed, else a new one.
///
/// As an extractor it is the id that `observe` gave to the request.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// A well-formed id is 1 to 128 of `A-Z a-z 0-9 . _ -`: no such id can forge a line of the log.
    pub(super) fn from_headers(headers: &HeaderMap, ids: &impl IdGenerator, now: time::OffsetDateTime) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        let well_formed = |text: &&str| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        Self(given.filter(well_formed).map_or_else(|| ids.event_id(now).to_string(), str::to_owned))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Never `None`: every character of an id is allowed in a header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl FromRequest for RequestId {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        ready(Ok(id.unwrap_or_else(|| Self(String::new()))))
    }
}
