use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    app::{Conditions, Expected, KeyedRequest},
    http::response::{
        code::Code,
        problem::{FieldError, Problem},
    },
};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The caller of everyone who is not authenticated.
const ANONYMOUS: &str = "anonymous";

/// What the headers of a write tie it to; `body` is part of what the key stands for.
pub(crate) fn conditions(request: &HttpRequest, body: &Value) -> Result<Conditions, Problem> {
    Ok(Conditions { key: keyed_request(request, body)?, expected: if_match(request)? })
}

/// What a write to a collection is tied to. A collection has no version: no entity tag matches it.
pub(crate) fn collection_conditions(request: &HttpRequest, body: &Value) -> Result<Option<KeyedRequest>, Problem> {
    match if_match(request)? {
        None | Some(Expected::Any) => keyed_request(request, body),
        Some(Expected::OneOf(_)) => {
            Err(Problem::new(Code::PreconditionFailed, "A collection of orders has no version."))
        }
    }
}

/// `Idempotency-Key`: 1 to 255 visible characters or spaces, bare or as a quoted string (RFC 8941, section 3.3.3).
fn keyed_request(request: &HttpRequest, body: &Value) -> Result<Option<KeyedRequest>, Problem> {
    let Some(text) = single(request, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let Some(key) = unquoted(text).filter(|key| is_key(key)) else {
        let detail = "An idempotency key has 1 to 255 visible characters, bare or in double quotes.";
        return Err(refused(&IDEMPOTENCY_KEY, detail));
    };
    let mut fingerprint = Sha256::new();
    // Lengths are not needed: a method has no line break, and the path's ends at the first one.
    fingerprint.update(format!("{}\n{}\n", request.method(), request.path()));
    // As it was understood: neither white space nor the order of names makes another request.
    fingerprint.update(body.to_string());
    Ok(Some(KeyedRequest { caller: ANONYMOUS.to_owned(), key, fingerprint: fingerprint.finalize().into() }))
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

/// `If-Match` (RFC 9110, section 13.1.1), compared strongly: a weak tag matches nothing.
fn if_match(request: &HttpRequest) -> Result<Option<Expected>, Problem> {
    Ok(entity_tags(request, &header::IF_MATCH)?.map(|tags| match tags {
        Tags::Any => Expected::Any,
        Tags::Listed(tags) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Expected::OneOf(strong.filter_map(|tag| tag.version).collect())
        }
    }))
}

/// Whether `If-None-Match` names this version (RFC 9110, section 13.1.2), compared weakly.
pub(crate) fn is_known(request: &HttpRequest, version: u32) -> Result<bool, Problem> {
    Ok(match entity_tags(request, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Listed(tags)) => tags.iter().any(|tag| tag.version == Some(version)),
    })
}

enum Tags {
    Any,
    Listed(Vec<Tag>),
}

struct Tag {
    weak: bool,
    /// `None` for a tag that this service never gave.
    version: Option<u32>,
}

/// `*` or a list of entity tags (RFC 9110, section 8.8.3).
fn entity_tags(request: &HttpRequest, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let malformed = || refused(name, "The value is * or a list of entity tags, e.g. \"3\".");
    let mut values = request.headers().get_all(name).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let mut tags = Vec::new();
    for value in values {
        let mut rest = value.to_str().map_err(|_| malformed())?.trim();
        if rest == "*" {
            return Ok(Some(Tags::Any));
        }
        loop {
            // Empty elements of a list say nothing (RFC 9110, section 5.6.1).
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                break;
            }
            let (weak, opaque) = rest.strip_prefix("W/").map_or((false, rest), |opaque| (true, opaque));
            let (tag, behind) = opaque.strip_prefix('"').and_then(|open| open.split_once('"')).ok_or_else(malformed)?;
            tags.push(Tag { weak, version: tag.parse().ok().filter(|version: &u32| version.to_string() == tag) });
            let behind = behind.trim_start();
            if !behind.is_empty() && !behind.starts_with(',') {
                return Err(malformed());
            }
            rest = behind;
        }
    }
    // An empty header says nothing.
    Ok((!tags.is_empty()).then_some(Tags::Listed(tags)))
}

fn single<'r>(request: &'r HttpRequest, name: &HeaderName) -> Result<Option<&'r str>, Problem> {
    let mut values = request.headers().get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        (_, Some(_)) => Err(refused(name, "The header is given more than once.")),
        (Err(_), None) => Err(refused(name, "The value has characters that are not visible ASCII.")),
    }
}

fn refused(name: &HeaderName, detail: &str) -> Problem {
    let error = FieldError::at_parameter(name.as_str(), "invalid", detail);
    Problem::new(Code::InvalidParameter, detail).with_errors(vec![error])
}
