use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{HttpRequest, dev::Payload, http::header};
use futures_util::StreamExt;
use serde_json::{Map, Value};
use tokio::time::{Sleep, sleep};

use crate::http::{
    app_state::HttpLimits,
    connection::ClientConnection,
    response::{code::Code, problem::Problem},
};

use super::json;

/// The future of an extractor that takes a JSON body: reads it within the limits, then makes `T` of it.
pub(crate) struct FromJson<T> {
    request: HttpRequest,
    is_optional: bool,
    /// The error is what is wrong before a byte of the body is read. It is taken when the future is polled.
    body: Result<ReadBody, Option<Problem>>,
    make: fn(&HttpRequest, Value) -> Result<T, Problem>,
}

impl<T> FromJson<T> {
    pub(crate) fn new(
        request: &HttpRequest,
        payload: &mut Payload,
        is_optional: bool,
        check_head: fn(&HttpRequest) -> Result<(), Problem>,
        make: fn(&HttpRequest, Value) -> Result<T, Problem>,
    ) -> Self {
        let checked = if is_optional && !declares_content(request) { Ok(()) } else { check_content_type(request) };
        // `make` checks the head too. A client that withholds the body needs the outcome first.
        let checked =
            checked.and_then(|()| if ClientConnection::withholds_body(request) { check_head(request) } else { Ok(()) });
        let body = checked.and_then(|()| ReadBody::begin(request, payload.take()));
        Self { request: request.clone(), is_optional, body: body.map_err(Some), make }
    }

    fn finish(&self, bytes: &[u8]) -> Result<T, Problem> {
        if self.is_optional {
            // No body at all means the empty object.
            if bytes.is_empty() {
                return (self.make)(&self.request, Value::Object(Map::new()));
            }
            check_content_type(&self.request)?;
        }
        let malformed = |error| Problem::new(Code::MalformedJson, format!("The body is not well-formed: {error}."));
        let value = json::parse(bytes).map_err(malformed)?;
        (self.make)(&self.request, value)
    }
}

impl<T> Future for FromJson<T> {
    type Output = Result<T, Problem>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let bytes = match &mut self.body {
            Ok(body) => ready!(body.poll(context)),
            Err(refused) => Err(refused.take().unwrap_or_else(|| Problem::internal("a body was polled again"))),
        };
        Poll::Ready(bytes.and_then(|bytes| self.finish(&bytes)))
    }
}

/// The body so far.
struct ReadBody {
    payload: Payload,
    bytes: Vec<u8>,
    limits: HttpLimits,
    /// From the first time that the body has to be waited for.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl ReadBody {
    fn begin(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        let limits = *request.app_data::<HttpLimits>().ok_or_else(|| Problem::internal("the limits are not set"))?;
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared: Option<usize> = declared.and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length| length > limits.body_bytes) {
            return Err(too_large(limits));
        }
        Ok(Self { payload, bytes: Vec::with_capacity(declared.unwrap_or(0)), limits, deadline: None })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<u8>, Problem>> {
        loop {
            match self.payload.poll_next_unpin(context) {
                Poll::Ready(None) => return Poll::Ready(Ok(std::mem::take(&mut self.bytes))),
                Poll::Ready(Some(Ok(chunk))) if self.bytes.len() + chunk.len() <= self.limits.body_bytes => {
                    self.bytes.extend_from_slice(&chunk);
                }
                Poll::Ready(Some(Ok(_))) => return Poll::Ready(Err(too_large(self.limits))),
                Poll::Ready(Some(Err(error))) => {
                    let detail = format!("The body ended early: {error}.");
                    return Poll::Ready(Err(Problem::new(Code::MalformedJson, detail)));
                }
                Poll::Pending => break,
            }
        }
        let time = self.limits.body_time;
        ready!(self.deadline.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(context));
        let detail = format!("The body did not arrive within {} s. Send it without a pause.", time.as_secs());
        Poll::Ready(Err(Problem::new(Code::RequestTimeout, detail)))
    }
}

fn too_large(limits: HttpLimits) -> Problem {
    let detail = format!("A body has at most {} bytes. Split the request.", limits.body_bytes);
    Problem::new(Code::BodyTooLarge, detail)
}

/// Whether the head says that there is content.
fn declares_content(request: &HttpRequest) -> bool {
    request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// A media type. The grammar allows white space around its semicolons, and semicolons without a parameter (RFC 9110,
/// section 5.6.6); the parser does not.
fn media_type(text: &str) -> Option<mime::Mime> {
    let mut is_quoted = false;
    let mut previous = ' ';
    let parts = text.split(|character| {
        is_quoted ^= character == '"' && previous != '\\';
        previous = character;
        character == ';' && !is_quoted
    });
    let parts: Vec<&str> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join("; ").parse().ok()
}

/// `application/json`, with any parameters except a charset other than UTF-8 (RFC 8259, section 8.1).
fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    let refused = || Problem::new(Code::UnsupportedMediaType, "Send the body with Content-Type: application/json.");
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    let mut encodings =
        encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    if !encodings.all(|encoding| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the body without a Content-Encoding."));
    }
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(header), None) = (types.next(), types.next()) else { return Err(refused()) };
    if header == "application/json" {
        return Ok(());
    }
    let declared = header.to_str().ok().and_then(media_type).ok_or_else(refused)?;
    let charset_is_utf8 = declared.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    if declared.essence_str() == mime::APPLICATION_JSON.essence_str() && charset_is_utf8 {
        Ok(())
    } else {
        Err(refused())
    }
}
