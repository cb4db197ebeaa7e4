use std::time::Duration;

use actix_web::{HttpRequest, http::header, web::Payload};
use futures_util::StreamExt;
use serde_json::Value;

use super::{code::Code, json, problem::Problem};

/// The largest body, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a JSON body of at most [`MAX_BODY`] bytes.
pub(super) async fn read_json(request: &HttpRequest, payload: Payload) -> Result<Value, Problem> {
    check_content_type(request)?;
    let bytes = read(request, payload).await?;
    json::parse(&bytes).map_err(|error| Problem::new(Code::MalformedJson, format!("Not well-formed: {error}.")))
}

/// `application/json`, with any parameters but a charset other than UTF-8 (RFC 8259, section 8.1).
fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    let refused = || Problem::new(Code::UnsupportedMediaType, "A body is sent with Content-Type: application/json.");
    let header = request.headers().get(header::CONTENT_TYPE).ok_or_else(refused)?;
    let declared: mime::Mime = header.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    let charset_is_utf8 = declared.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    if declared.essence_str() == mime::APPLICATION_JSON.essence_str() && charset_is_utf8 {
        Ok(())
    } else {
        Err(refused())
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("A body has at most {MAX_BODY} bytes."));
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(too_large());
    }
    let read = async {
        let mut payload = payload.into_inner();
        let mut body = Vec::with_capacity(declared.unwrap_or(0));
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|error| Problem::new(Code::MalformedJson, format!("The body broke off: {error}.")))?;
            if body.len() + chunk.len() > MAX_BODY {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let timed_out = |_| Problem::new(Code::BodyTimeout, format!("A body arrives within {} s.", BODY_TIMEOUT.as_secs()));
    tokio::time::timeout(BODY_TIMEOUT, read).await.map_err(timed_out)?
}
