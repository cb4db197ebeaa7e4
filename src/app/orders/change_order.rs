use crate::{
    app::{
        Answered, Conditions, KeyError, KeyRecord, KeyedRequest, Lock, OrderDetails, Outcome, Ports, RepoError,
        UnitOfWork, idempotency::replay,
    },
    domain::{Context, Order, OrderError, OrderId, Principal},
};

use super::retry::{WriteError, retry};

/// Why an order was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error(transparent)]
    Refused(#[from] OrderError),
    /// The conditions of the caller do not admit this version.
    #[error("the order is at version {current}")]
    Stale { current: u32 },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl WriteError for ChangeError {
    fn store_error(&self) -> Option<&RepoError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

/// Loads an order, lets `decide` act on it, and commits. After a lost race, `decide` acts on the changed order.
pub(crate) async fn change_order<P: Ports>(
    ports: &P,
    principal: &Principal,
    order_id: OrderId,
    conditions: &Conditions,
    decide: impl Fn(&mut Order, Context) -> Result<(), OrderError> + Send + Sync,
) -> Result<Answered, ChangeError> {
    retry(
        ports,
        |lock| change_once(ports, principal, order_id, conditions, lock, &decide),
        || replay(ports, principal, conditions.key.as_ref()),
    )
    .await
}

async fn change_once<P: Ports>(
    ports: &P,
    principal: &Principal,
    order_id: OrderId,
    conditions: &Conditions,
    lock: Lock,
    decide: &(impl Fn(&mut Order, Context) -> Result<(), OrderError> + Send + Sync),
) -> Result<Answered, ChangeError> {
    let mut uow = ports.store().begin(&principal.tenant, principal.actor());
    let order = uow.find(order_id, lock).await?;
    let own = order.filter(|order| principal.sees(&order.state().customer_id));
    let mut order = own.ok_or(ChangeError::UnknownOrder(order_id))?;
    let current = order.state().version;
    if !conditions.admit(current) {
        return Err(ChangeError::Stale { current });
    }
    decide(&mut order, ports.context())?;
    let changed = OrderDetails::from(order.state());
    uow.save(order)?;
    if let Some(request) = &conditions.key {
        uow.save_key(record(request, 0, &changed));
    }
    uow.commit().await?;
    Ok(Answered::now(changed))
}

/// The record that lets a repetition of the request find its outcome.
pub(crate) fn record(request: &KeyedRequest, batch_index: u32, order: &OrderDetails) -> KeyRecord {
    let outcome = Outcome { batch_index, order_id: order.summary.order_id, version: order.summary.version };
    KeyRecord { request: request.clone(), outcome }
}
