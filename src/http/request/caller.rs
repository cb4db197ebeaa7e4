use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{domain::TenantId, http::response::problem::Problem};

/// Who sent a request. Nobody is authenticated yet: every caller is anonymous.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
}

impl Caller {
    /// Whose idempotency keys the request uses: two callers may choose the same key.
    pub(crate) const fn name(_request: &HttpRequest) -> &'static str {
        "anonymous"
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { tenant: TenantId::anonymous() }))
    }
}
