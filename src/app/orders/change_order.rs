use crate::{
    app::{
        Answered, Conditions, Expected, KeyError, KeyRecord, KeyedRequest, Lock, OrderDetails, Outcome, Ports,
        RepoError, Telemetry, UnitOfWork, idempotency::replay,
    },
    domain::{Order, OrderError, OrderId, Stamp, TenantId},
};

/// Why a change of one order did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error(transparent)]
    Refused(#[from] OrderError),
    /// The caller expected another version.
    #[error("the order is at version {current}")]
    Stale { current: u32 },
    #[error("others kept changing the order at the same time")]
    LostRace,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(RepoError),
}

/// How often a change is decided anew when someone else was faster. From the second time on others are kept waiting,
/// so that only writers who came in before can still win.
pub(crate) const ATTEMPTS: u32 = 8;

/// Loads an order, lets `decide` act on it, and commits; a lost race starts over with the order as the winner left it.
pub(crate) async fn change_order<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    order_id: OrderId,
    conditions: &Conditions,
    decide: impl Fn(&mut Order, Stamp) -> Result<(), OrderError> + Send + Sync,
) -> Result<Answered, ChangeError> {
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            ports.telemetry().retried();
        }
        let lock = if attempt == 1 { Lock::None } else { Lock::Write };
        let error = match change_once(ports, tenant, order_id, conditions, lock, &decide).await {
            Ok(changed) => return Ok(Answered::now(changed)),
            Err(error @ ChangeError::Store(RepoError::Unavailable(_) | RepoError::Backend(_))) => return Err(error),
            Err(error) => error,
        };
        // What is in its way may be what this very request has led to before.
        if let Some(answered) = replay(ports, tenant, conditions.key.as_ref()).await? {
            return Ok(answered);
        }
        if !matches!(error, ChangeError::Store(RepoError::Conflict | RepoError::KeyTaken)) {
            return Err(error);
        }
        ports.telemetry().lost_race();
        log::debug!(order_id:% = order_id, attempt; "lost a race");
    }
    Err(ChangeError::LostRace)
}

async fn change_once<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    order_id: OrderId,
    conditions: &Conditions,
    lock: Lock,
    decide: &(impl Fn(&mut Order, Stamp) -> Result<(), OrderError> + Send + Sync),
) -> Result<OrderDetails, ChangeError> {
    let mut uow = ports.store().begin(tenant);
    let order = uow.find(order_id, lock).await.map_err(ChangeError::Store)?;
    let mut order = order.ok_or(ChangeError::UnknownOrder(order_id))?;
    check(conditions.expected.as_ref(), order.state().version)?;
    let stamp = ports.stamp();
    decide(&mut order, stamp)?;
    let changed = OrderDetails::from(order.state());
    uow.save(order).map_err(ChangeError::Store)?;
    if let Some(request) = &conditions.key {
        uow.save_key(record(request, 0, &changed, stamp));
    }
    uow.commit().await.map_err(ChangeError::Store)?;
    Ok(changed)
}

fn check(expected: Option<&Expected>, current: u32) -> Result<(), ChangeError> {
    match expected {
        Some(expected) if !expected.admits(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    }
}

/// What the request led to, for the store to keep.
pub(crate) fn record(request: &KeyedRequest, item: u32, order: &OrderDetails, stamp: Stamp) -> KeyRecord {
    let outcome = Outcome { item, order_id: order.summary.order_id, version: order.summary.version };
    KeyRecord { request: request.clone(), outcome, at: stamp.at() }
}
