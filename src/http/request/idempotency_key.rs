use actix_web::{HttpRequest, http::header::HeaderName};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{app::KeyedRequest, http::response::problem::Problem};

use super::caller::Caller;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// In the response to a repeated request.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 1 to 255 visible characters or spaces, bare or as a quoted string.
pub(crate) const KEY: &str = r#"^([!#-~][ -~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$"#;

/// `Idempotency-Key`: 1 to 255 visible characters or spaces, bare or as a quoted string (RFC 8941, section 3.3.3).
/// The key names the request with this body.
pub(crate) fn keyed_request(request: &HttpRequest, body: &Value) -> Result<Option<KeyedRequest>, Problem> {
    let Some(text) = single(request, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let Some(key) = unquoted(text).filter(|key| is_key(key)) else {
        let detail = "An idempotency key has 1 to 255 visible ASCII characters or spaces, bare or in double quotes.";
        return Err(Problem::parameter(IDEMPOTENCY_KEY.as_str(), detail));
    };
    let mut fingerprint = Sha256::new();
    // Line breaks end the two parts: a method has none, and the path ends at its first one.
    for part in [request.method().as_str(), "\n", request.path(), "\n"] {
        fingerprint.update(part);
    }
    // The parsed body: neither white space nor the order of names makes another request.
    fingerprint.update(body.to_string());
    let caller = Caller::name(request)?;
    Ok(Some(KeyedRequest { caller, key, fingerprint: fingerprint.finalize().into() }))
}

fn is_key(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

fn unquoted(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let mut key = String::new();
    let mut characters = quoted.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => key.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            plain => key.push(plain),
        }
    }
    Some(key)
}

fn single<'r>(request: &'r HttpRequest, name: &HeaderName) -> Result<Option<&'r str>, Problem> {
    let refused = |detail| Problem::parameter(name.as_str(), detail);
    let mut values = request.headers().get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        (_, Some(_)) => Err(refused("The header is given more than once.")),
        (Err(_), None) => Err(refused("The value has characters that are not visible ASCII.")),
    }
}
