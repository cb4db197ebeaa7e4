use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::http::response::problem::Problem;

use super::{body::FromJson, fields::Body, read_body::read_body};

/// The body of a write that takes no idempotency key.
pub(crate) struct PlainBody<B>(pub(crate) B);

impl<B: Body> FromRequest for PlainBody<B> {
    type Error = Problem;
    type Future = FromJson<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        FromJson::new(request, payload, B::IS_OPTIONAL, |_| Ok(()), |_, value| read_body(value).map(Self))
    }
}
