use crate::domain::{Order, OrderError, OrderId, Stamp, TenantId};

use super::{Lock, OrderDetails, Ports, RepoError, UnitOfWork};

/// Why a change of one order did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error(transparent)]
    Refused(#[from] OrderError),
    #[error("others kept changing the order at the same time")]
    LostRace,
    #[error(transparent)]
    Store(RepoError),
}

/// How often a change is decided anew when someone else was faster. From the second time on others are kept waiting,
/// so that only writers who came in before can still win.
const ATTEMPTS: u32 = 8;

/// Loads an order, lets `decide` act on it, and commits; a lost race starts over with the order as the winner left it.
pub(super) async fn change_order<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    order_id: OrderId,
    decide: impl Fn(&mut Order, Stamp) -> Result<(), OrderError> + Send + Sync,
) -> Result<OrderDetails, ChangeError> {
    for attempt in 1..=ATTEMPTS {
        let lock = if attempt == 1 { Lock::None } else { Lock::Write };
        match change_once(ports, tenant, order_id, lock, &decide).await {
            Err(ChangeError::Store(RepoError::Conflict)) => {
                log::debug!(order_id:% = order_id, attempt; "lost a race");
            }
            settled => return settled,
        }
    }
    Err(ChangeError::LostRace)
}

async fn change_once<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    order_id: OrderId,
    lock: Lock,
    decide: &(impl Fn(&mut Order, Stamp) -> Result<(), OrderError> + Send + Sync),
) -> Result<OrderDetails, ChangeError> {
    let mut uow = ports.store().begin(tenant).await.map_err(ChangeError::Store)?;
    let order = uow.order(order_id, lock).await.map_err(ChangeError::Store)?;
    let mut order = order.ok_or(ChangeError::UnknownOrder(order_id))?;
    decide(&mut order, ports.stamp())?;
    let changed = OrderDetails::from(order.state());
    uow.save(order).await.map_err(ChangeError::Store)?;
    uow.commit().await.map_err(ChangeError::Store)?;
    Ok(changed)
}
