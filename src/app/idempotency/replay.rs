use crate::{
    app::{AsOf, HistoricalOrder, IdempotencyKeys, OrderDetails, OrderQueries, Ports, RepoError, Telemetry},
    domain::TenantId,
};

use super::{KeyedRequest, Outcome};

/// An order as a write left it, and whether that write was made earlier, by a request with the same key.
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

/// What the request led to when it was made before.
pub(crate) async fn recall<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    request: &KeyedRequest,
) -> Result<Vec<Outcome>, KeyError> {
    match ports.store().recall(tenant, &request.caller, &request.key).await? {
        None => Ok(Vec::new()),
        Some(recorded) if recorded.fingerprint == request.fingerprint => Ok(recorded.outcomes),
        Some(_) => Err(KeyError::Reused),
    }
}

/// The answer to a request about one order that was made before, as it was then.
pub(crate) async fn replay<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    request: Option<&KeyedRequest>,
) -> Result<Option<Answered>, KeyError> {
    let Some(request) = request else { return Ok(None) };
    match recall(ports, tenant, request).await?.first() {
        None => Ok(None),
        Some(outcome) => Ok(Some(rebuild(ports, tenant, outcome).await?)),
    }
}

pub(crate) async fn rebuild<P: Ports>(ports: &P, tenant: &TenantId, outcome: &Outcome) -> Result<Answered, RepoError> {
    let Outcome { order_id, version, .. } = *outcome;
    let order = match ports.store().order_as_of(tenant, order_id, AsOf::Version(version)).await? {
        HistoricalOrder::Order(order) => Some(order),
        HistoricalOrder::NotThen => None,
        // It is told as it is now.
        HistoricalOrder::Retired => ports.store().order(tenant, order_id).await?,
    };
    let lost = || RepoError::Backend(format!("order {order_id} of a key is not there").into());
    let order = order.ok_or_else(lost)?;
    ports.telemetry().replayed();
    Ok(Answered { order, replayed: true })
}
