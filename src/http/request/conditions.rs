use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::Value;

use crate::{
    app::{Conditions, KeyedRequest, Versions},
    http::response::{code::Code, problem::Problem},
};

use super::{
    body::FromJson,
    entity_tags::{has_no_tag, if_match, if_none_match},
    fields::Body,
    idempotency_key::keyed_request,
    read_body::read_body,
};

/// The body of a write, and its conditions: the idempotency key, which stands for the body too, and `If-Match`.
pub(crate) struct Conditional<B> {
    pub(crate) conditions: Conditions,
    pub(crate) body: B,
}

/// The body of a write to a collection, and its idempotency key.
pub(crate) struct Keyed<B> {
    pub(crate) key: Option<KeyedRequest>,
    pub(crate) body: B,
}

impl<B: Body> FromRequest for Conditional<B> {
    type Error = Problem;
    type Future = FromJson<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let check = |request: &HttpRequest| conditions(request, &Value::Null).map(|_| ());
        FromJson::new(request, payload, B::IS_OPTIONAL, check, |request, value| {
            Ok(Self { conditions: conditions(request, &value)?, body: read_body(value)? })
        })
    }
}

impl<B: Body> FromRequest for Keyed<B> {
    type Error = Problem;
    type Future = FromJson<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let check = |request: &HttpRequest| collection_key(request, &Value::Null).map(|_| ());
        FromJson::new(request, payload, B::IS_OPTIONAL, check, |request, value| {
            Ok(Self { key: collection_key(request, &value)?, body: read_body(value)? })
        })
    }
}

/// The conditions of a write without a body, as `DELETE` is (RFC 9110, section 9.3.5): content is not read.
impl FromRequest for Conditions {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(conditions(request, &Value::Null).map_err(Into::into))
    }
}

fn conditions(request: &HttpRequest, body: &Value) -> Result<Conditions, Problem> {
    let (expected, excluded) = (if_match(request)?, if_none_match(request)?);
    Ok(Conditions { key: keyed_request(request, body)?, expected, excluded })
}

/// A collection has no version, so no entity tag matches it. It exists, so `If-None-Match: *` fails.
fn collection_key(request: &HttpRequest, body: &Value) -> Result<Option<KeyedRequest>, Problem> {
    has_no_tag(request)?;
    if if_none_match(request)? == Some(Versions::Any) {
        let detail = "The collection exists. Send the request without If-None-Match.";
        return Err(Problem::new(Code::PreconditionFailed, detail));
    }
    keyed_request(request, body)
}
