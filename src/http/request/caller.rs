use std::{
    fmt,
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use time::OffsetDateTime;

use crate::{domain::Principal, http::response::problem::Problem};

/// Who sent a request. `authorize` has checked the credential and put it here.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    /// For requests that last: the credential may be revoked meanwhile. `None` where nobody is authenticated.
    pub(crate) credential: Option<Rc<str>>,
    pub(crate) expires_at: Option<OffsetDateTime>,
}

impl Caller {
    /// Whose idempotency keys the request uses: two callers may choose the same key.
    pub(crate) fn name(request: &HttpRequest) -> Result<String, Problem> {
        Self::of(request).map(|caller| caller.principal.caller())
    }

    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let caller = request.extensions().get::<Self>().cloned();
        // A route that nobody has declared with a scope has no caller.
        caller.ok_or_else(|| Problem::internal("the route is public, and its handler asks for the caller"))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl fmt::Debug for Caller {
    /// Without the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("principal", &self.principal).finish_non_exhaustive()
    }
}
