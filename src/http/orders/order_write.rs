use std::sync::Arc;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::{TryFutureExt, future::MapOk};

use crate::{
    app::{Conditions, KeyedRequest},
    domain::{OrderId, Principal},
    http::request::{
        caller::Caller,
        conditions::{Conditional, Keyed},
        fields::Body,
        query::NoQuery,
    },
};

/// Everything that a change of one order takes from its request. `A` is what the path names.
pub(crate) struct OrderChange<B, A = OrderId> {
    pub(super) principal: Arc<Principal>,
    pub(super) address: A,
    pub(super) conditions: Conditions,
    pub(super) body: B,
}

/// Everything that the creation of orders takes from its request.
pub(crate) struct OrderCreation<B> {
    pub(super) principal: Arc<Principal>,
    pub(super) key: Option<KeyedRequest>,
    pub(super) body: B,
}

/// The extractors run in this order, so their order decides which error a request with several gets.
type ChangeParts<B, A> = (Caller, NoQuery, A, Conditional<B>);
type CreationParts<B> = (Caller, NoQuery, Keyed<B>);

impl<B: Body + 'static, A: FromRequest + 'static> FromRequest for OrderChange<B, A> {
    type Error = actix_web::Error;
    type Future = MapOk<<ChangeParts<B, A> as FromRequest>::Future, fn(ChangeParts<B, A>) -> Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ChangeParts::from_request(request, payload).map_ok(|(caller, NoQuery, address, write)| {
            let Conditional { conditions, body } = write;
            Self { principal: caller.principal, address, conditions, body }
        })
    }
}

impl<B: Body + 'static> FromRequest for OrderCreation<B> {
    type Error = actix_web::Error;
    type Future = MapOk<<CreationParts<B> as FromRequest>::Future, fn(CreationParts<B>) -> Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        CreationParts::from_request(request, payload).map_ok(|(caller, NoQuery, Keyed { key, body })| Self {
            principal: caller.principal,
            key,
            body,
        })
    }
}
