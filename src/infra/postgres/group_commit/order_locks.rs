use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use crate::domain::{OrderId, OrderState, TenantId};

/// Who writes to an order: in one process one after the other, in the order in which they came, so that none of them loses
/// a race to another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderLocks {
    taken: Arc<Mutex<HashMap<Name, Place>>>,
}

type Name = (TenantId, OrderId);

/// What is passed on is the order as the one ahead has committed it.
type Place = Arc<tokio::sync::Mutex<Option<OrderState>>>;

/// Others wait until it is dropped.
#[derive(Debug)]
pub(crate) struct OrderLock {
    guard: Option<OwnedMutexGuard<Option<OrderState>>>,
    name: Name,
    locks: OrderLocks,
}

impl OrderLocks {
    /// Waits for those who came before. `None` when that takes too long.
    pub(crate) async fn acquire(&self, tenant: &TenantId, id: OrderId, timeout: Duration) -> Option<OrderLock> {
        let name = (tenant.clone(), id);
        let place = self.taken().entry(name.clone()).or_default().clone();
        // It cleans up even when the wait is given up.
        let mut lock = OrderLock { guard: None, name, locks: self.clone() };
        lock.guard = Some(tokio::time::timeout(timeout, place.lock_owned()).await.ok()?);
        Some(lock)
    }

    /// Held for a look into a map: a panic of another thread leaves nothing half-done.
    fn taken(&self) -> MutexGuard<'_, HashMap<Name, Place>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OrderLock {
    pub(crate) fn is_for(&self, tenant: &TenantId, id: OrderId) -> bool {
        self.name.0 == *tenant && self.name.1 == id
    }

    /// The order as this process has last committed it, if somebody did just before. Others may have changed it since.
    pub(crate) fn take_state(&mut self) -> Option<OrderState> {
        self.guard.as_mut()?.take()
    }

    /// For the next one.
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
        // Those who wait have an `Arc` each; nobody gets another one while the map is locked.
        if taken.get(&self.name).is_some_and(|place| Arc::strong_count(place) == 1) {
            taken.remove(&self.name);
        }
    }
}
