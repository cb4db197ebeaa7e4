use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use crate::domain::{OrderId, OrderState, TenantId};

/// One lock an order within this process. The writers of an order take it in the order in which they came, so none of them
/// loses a race to another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderLocks {
    taken: Arc<Mutex<HashMap<Name, SharedLock>>>,
}

type Name = (TenantId, OrderId);

/// The lock holds the order as its last writer committed it.
type SharedLock = Arc<tokio::sync::Mutex<Option<OrderState>>>;

/// A lock that is held, until it is dropped.
#[derive(Debug)]
pub(crate) struct OrderLock {
    guard: Option<OwnedMutexGuard<Option<OrderState>>>,
    name: Name,
    locks: OrderLocks,
}

impl OrderLocks {
    /// Waits for the earlier writers. `None` after the timeout.
    pub(crate) async fn acquire(&self, tenant: &TenantId, id: OrderId, timeout: Duration) -> Option<OrderLock> {
        let name = (tenant.clone(), id);
        let shared = self.taken().entry(name.clone()).or_default().clone();
        // Its `drop` removes the entry of the map, also when this future is dropped while it waits.
        let mut lock = OrderLock { guard: None, name, locks: self.clone() };
        lock.guard = Some(tokio::time::timeout(timeout, shared.lock_owned()).await.ok()?);
        Some(lock)
    }

    /// Nothing while the map is locked can leave it half changed: a poisoned lock is usable.
    fn taken(&self) -> MutexGuard<'_, HashMap<Name, SharedLock>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OrderLock {
    pub(crate) fn is_for(&self, tenant: &TenantId, id: OrderId) -> bool {
        self.name.0 == *tenant && self.name.1 == id
    }

    /// The order as the previous holder committed it, if there was one just before. Another instance may have changed it
    /// since.
    pub(crate) fn take_state(&mut self) -> Option<OrderState> {
        self.guard.as_mut()?.take()
    }

    /// Leaves the order for the next holder.
    pub(super) fn pass_on(&mut self, state: OrderState) {
        if let Some(guard) = &mut self.guard {
            **guard = Some(state);
        }
    }
}

impl Drop for OrderLock {
    fn drop(&mut self) {
        let mut taken = self.locks.taken();
        self.guard = None;
        // Each waiting writer has an `Arc`, and nobody gets a new one while the map is locked.
        if taken.get(&self.name).is_some_and(|shared| Arc::strong_count(shared) == 1) {
            taken.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(5);
    const SHORT: Duration = Duration::from_millis(1);

    fn order() -> (TenantId, OrderId) {
        (TenantId::anonymous(), OrderId::from_uuid(uuid::Uuid::from_u128(1)))
    }

    #[tokio::test]
    async fn a_lock_that_is_held_times_out_and_leaves_nothing_behind() {
        let (locks, (tenant, id)) = (OrderLocks::default(), order());
        let held = locks.acquire(&tenant, id, LONG).await.unwrap();
        assert!(locks.acquire(&tenant, id, SHORT).await.is_none());
        drop(held);
        assert!(locks.taken().is_empty());
        assert!(locks.acquire(&tenant, id, LONG).await.is_some());
        assert!(locks.taken().is_empty());
    }

    #[tokio::test]
    async fn writers_of_other_orders_do_not_wait() {
        let (locks, (tenant, id)) = (OrderLocks::default(), order());
        let _held = locks.acquire(&tenant, id, LONG).await.unwrap();
        let other = OrderId::from_uuid(uuid::Uuid::from_u128(2));
        assert!(locks.acquire(&tenant, other, SHORT).await.is_some());
    }
}
