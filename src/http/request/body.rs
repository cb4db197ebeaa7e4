use actix_web::{HttpRequest, http::header, web::Payload};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::http::{
    app_state::HttpLimits,
    response::{code::Code, problem::Problem},
};

use super::json;

/// Reads a JSON body, within the bounds.
pub(crate) async fn read_json(request: &HttpRequest, payload: Payload, bounds: HttpLimits) -> Result<Value, Problem> {
    check_content_type(request)?;
    let bytes = read(request, payload, bounds).await?;
    parse(&bytes)
}

/// Reads a JSON body where a request may do without one: none at all says what an empty object says.
pub(crate) async fn read_optional_json(
    request: &HttpRequest,
    payload: Payload,
    bounds: HttpLimits,
) -> Result<Value, Problem> {
    let bytes = read(request, payload, bounds).await?;
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    check_content_type(request)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    json::parse(bytes).map_err(|error| Problem::new(Code::MalformedJson, format!("Not well-formed: {error}.")))
}

/// `application/json`, with any parameters but a charset other than UTF-8 (RFC 8259, section 8.1).
fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    let refused = || Problem::new(Code::UnsupportedMediaType, "A body is sent with Content-Type: application/json.");
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "A body is sent without a Content-Encoding."));
    }
    let header = request.headers().get(header::CONTENT_TYPE).ok_or_else(refused)?;
    let declared: mime::Mime = header.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    let charset_is_utf8 = declared.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    if declared.essence_str() == mime::APPLICATION_JSON.essence_str() && charset_is_utf8 {
        Ok(())
    } else {
        Err(refused())
    }
}

async fn read(request: &HttpRequest, payload: Payload, bounds: HttpLimits) -> Result<Vec<u8>, Problem> {
    let HttpLimits { body: max, arrival, .. } = bounds;
    let too_large = || Problem::new(Code::BodyTooLarge, format!("A body has at most {max} bytes."));
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > max) {
        return Err(too_large());
    }
    let read = async {
        let mut payload = payload.into_inner();
        let mut body = Vec::with_capacity(declared.unwrap_or(0));
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|error| Problem::new(Code::MalformedJson, format!("The body broke off: {error}.")))?;
            if body.len() + chunk.len() > max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let timed_out = |_| Problem::new(Code::RequestTimeout, format!("A body arrives within {} s.", arrival.as_secs()));
    tokio::time::timeout(arrival, read).await.map_err(timed_out)?
}
