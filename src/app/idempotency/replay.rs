use crate::{
    app::{AsOf, HistoricalOrder, IdempotencyKeys, OrderDetails, OrderQueries, Ports, RepoError, Telemetry},
    domain::{Principal, TenantId},
};

use super::{KeyedRequest, Outcome};

/// The order as a write left it, and whether an earlier request with the same key made that write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub order: OrderDetails,
    pub replayed: bool,
}

impl Answered {
    pub(crate) const fn now(order: OrderDetails) -> Self {
        Self { order, replayed: false }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key was used for another request")]
    Reused,
    #[error(transparent)]
    Store(#[from] RepoError),
}

/// The outcomes of an earlier request with the same key.
pub(crate) async fn recall<P: Ports>(
    ports: &P,
    principal: &Principal,
    request: &KeyedRequest,
) -> Result<Vec<Outcome>, KeyError> {
    match ports.store().recall(&principal.tenant, &request.caller, &request.key).await? {
        None => Ok(Vec::new()),
        Some(recorded) if recorded.fingerprint == request.fingerprint => Ok(recorded.outcomes),
        Some(_) => Err(KeyError::Reused),
    }
}

/// The response of an earlier request with the same key about one order.
pub(crate) async fn replay<P: Ports>(
    ports: &P,
    principal: &Principal,
    request: Option<&KeyedRequest>,
) -> Result<Option<Answered>, KeyError> {
    let Some(request) = request else { return Ok(None) };
    match recall(ports, principal, request).await?.first() {
        None => Ok(None),
        Some(outcome) => {
            let answered = rebuild(ports, &principal.tenant, outcome).await?;
            // The caller may have been bound to another customer meanwhile.
            Ok(Some(answered).filter(|answered| principal.sees(&answered.order.summary.customer_id)))
        }
    }
}

pub(crate) async fn rebuild<P: Ports>(ports: &P, tenant: &TenantId, outcome: &Outcome) -> Result<Answered, RepoError> {
    let Outcome { order_id, version, .. } = *outcome;
    let order = match ports.store().order_as_of(tenant, order_id, AsOf::Version(version)).await? {
        HistoricalOrder::Order(order) => Some(order),
        HistoricalOrder::NotThen => None,
        // Its first events are gone: the response shows the order as it is now.
        HistoricalOrder::Retired => ports.store().order(tenant, order_id).await?,
    };
    let lost = || RepoError::Backend(format!("a key refers to order {order_id}, which does not exist").into());
    let order = order.ok_or_else(lost)?;
    ports.telemetry().replayed();
    Ok(Answered { order, replayed: true })
}
