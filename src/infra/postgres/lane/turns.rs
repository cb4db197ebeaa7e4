use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use crate::{
    app::RepoError,
    domain::{OrderId, TenantId},
};

/// Who writes to an order that many want to write to: one after the other, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Turns {
    taken: Arc<Mutex<HashMap<Name, Arc<tokio::sync::Mutex<()>>>>>,
}

type Name = (TenantId, OrderId);

/// Others wait until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Turn {
    guard: Option<OwnedMutexGuard<()>>,
    name: Name,
    turns: Turns,
}

/// As long as the database lets a statement wait for a lock.
const PATIENCE: Duration = Duration::from_secs(5);

impl Turns {
    /// Waits for those who came before.
    pub(in super::super) async fn wait(&self, tenant: &TenantId, id: OrderId) -> Result<Turn, RepoError> {
        let name = (tenant.clone(), id);
        let order = self.taken().entry(name.clone()).or_default().clone();
        // It cleans up even when the wait is given up.
        let mut turn = Turn { guard: None, name, turns: self.clone() };
        let waited = tokio::time::timeout(PATIENCE, order.lock_owned()).await;
        turn.guard = Some(waited.map_err(|_| RepoError::Unavailable("too many write to the order".into()))?);
        Ok(turn)
    }

    /// Waits where others do. `None` when nobody has a turn.
    pub(in super::super) async fn wait_if_taken(
        &self,
        tenant: &TenantId,
        id: OrderId,
    ) -> Result<Option<Turn>, RepoError> {
        let is_taken = self.taken().contains_key(&(tenant.clone(), id));
        if is_taken { self.wait(tenant, id).await.map(Some) } else { Ok(None) }
    }

    /// Held for a look into a map: a panic of another thread leaves nothing half-done.
    fn taken(&self) -> MutexGuard<'_, HashMap<Name, Arc<tokio::sync::Mutex<()>>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    pub(in super::super) fn is_of(&self, tenant: &TenantId, id: OrderId) -> bool {
        self.name.0 == *tenant && self.name.1 == id
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.taken();
        self.guard = None;
        // Those who wait have an `Arc` each; nobody gets another one while the map is locked.
        if taken.get(&self.name).is_some_and(|order| Arc::strong_count(order) == 1) {
            taken.remove(&self.name);
        }
    }
}
