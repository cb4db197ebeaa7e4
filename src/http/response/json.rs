use actix_web::{
    HttpResponse, HttpResponseBuilder,
    error::JsonPayloadError,
    http::header::{CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

/// A JSON response. `bytes` is about its length: with enough room the buffer does not grow while it is written.
pub(crate) fn json_response(response: &mut HttpResponseBuilder, value: &impl Serialize, bytes: usize) -> HttpResponse {
    let mut body = Vec::with_capacity(bytes);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json"))).body(body),
        Err(error) => HttpResponse::from_error(JsonPayloadError::Serialize(error)),
    }
}
