//! The values that a request about keys can have: how each is documented and read.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::{Value, json};

use crate::{
    domain::{KeyId, KeyName, Scope, Scopes},
    http::{
        request::{
            fields::{FieldValue, Wrong},
            text::{TextValue, parse},
        },
        response::problem::{Problem, sentence},
    },
};

impl TextValue for KeyName {
    fn schema() -> Value {
        let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
        json!({"type": "string", "minLength": 1, "maxLength": Self::MAX_CHARS, "pattern": pattern})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl TextValue for KeyId {
    fn schema() -> Value {
        json!({"type": "string", "pattern": format!("^[0-9a-f]{{{}}}$", Self::DIGITS)})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

/// The key that the path names.
impl FromRequest for KeyId {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("key_id").unwrap_or_default();
        ready(parse(text).map_err(|detail| Problem::parameter("key_id", detail).into()))
    }
}

/// A list of scopes.
impl FieldValue for Scopes {
    fn schema() -> Value {
        json!({
            "type": "array", "minItems": 1, "items": {"enum": Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>()},
        })
    }

    fn read(value: Value) -> Result<Self, Wrong> {
        let Value::Array(names) = value else { return Err(Wrong::Type("an array of strings")) };
        if names.is_empty() {
            return Err(Wrong::Value("A key has one scope at least.".to_owned()));
        }
        let scope = |name: &Value| match name.as_str() {
            Some(name) => name.parse::<Scope>().map_err(|error| Wrong::Value(sentence(&error))),
            None => Err(Wrong::Type("an array of strings")),
        };
        names.iter().map(scope).collect()
    }
}
