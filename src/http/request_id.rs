use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::app::IdGenerator;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names one request in its answer and in the log: the caller's own id where it is well-formed, a new one otherwise.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// 1 to 128 of `A-Z a-z 0-9 . _ -`: nothing that could mislead a log's reader.
    pub(super) fn of(headers: &HeaderMap, ids: &impl IdGenerator, now: time::OffsetDateTime) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        let well_formed = |text: &&str| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        Self(given.filter(well_formed).map_or_else(|| ids.event_id(now).to_string(), str::to_owned))
    }

    /// The id that `observe` gave to this request.
    pub(super) fn taken_up(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self(String::new()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` never: what an id is made of can stand in a header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}
