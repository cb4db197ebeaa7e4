use std::{sync::Arc, time::Instant};

use tokio::sync::OwnedMutexGuard;

use crate::{
    app::{Cause, Changes, KeyRecord, Lock, OrderRepo, RepoError},
    domain::{Order, OrderId, TenantId},
};

use super::state::{Committed, Shared};

/// One unit of work. Its changes are staged here, and become visible to others when it commits.
#[derive(Debug)]
pub struct InMemoryOrderRepo {
    shared: Arc<Shared>,
    tenant: TenantId,
    cause: Cause,
    staged: Vec<Changes>,
    keys: Vec<KeyRecord>,
    lock: Option<OwnedMutexGuard<()>>,
}

impl InMemoryOrderRepo {
    pub(super) const fn new(shared: Arc<Shared>, tenant: TenantId, cause: Cause) -> Self {
        Self { shared, tenant, cause, staged: Vec::new(), keys: Vec::new(), lock: None }
    }

    /// The version of the order as this unit of work sees it; 0 if the order does not exist.
    fn version(&self, committed: &Committed, id: OrderId) -> u32 {
        let staged = self.staged.iter().rev().find(|changes| changes.state.order_id == id);
        let stored = || committed.orders.get(&(self.tenant.clone(), id)).map_or(0, |order| order.version);
        staged.map_or_else(stored, |changes| changes.state.version)
    }
}

impl OrderRepo for InMemoryOrderRepo {
    async fn find(&mut self, id: OrderId, lock: Lock) -> Result<Option<Order>, RepoError> {
        if lock == Lock::Write && self.lock.is_none() {
            self.lock = Some(self.shared.writers.clone().lock_owned().await);
        }
        if let Some(staged) = self.staged.iter().rev().find(|changes| changes.state.order_id == id) {
            return Ok(Some(Order::restore(staged.state.clone())));
        }
        let stored = self.shared.committed().orders.get(&(self.tenant.clone(), id)).cloned();
        Ok(stored.map(Order::restore))
    }

    fn stage(&mut self, changes: Changes) -> Result<(), RepoError> {
        let seen = self.version(&self.shared.committed(), changes.state.order_id);
        if seen != changes.read_at() {
            return Err(RepoError::Conflict);
        }
        self.staged.push(changes);
        Ok(())
    }

    fn stage_key(&mut self, record: KeyRecord) {
        self.keys.push(record);
    }

    async fn commit(mut self) -> Result<(), RepoError> {
        // A unit of work that read with `Lock::Write` delays all other commits.
        if self.lock.is_none() {
            self.lock = Some(self.shared.writers.clone().lock_owned().await);
        }
        let (staged, keys) = (std::mem::take(&mut self.staged), std::mem::take(&mut self.keys));
        let mut committed = self.shared.committed();
        let mut first_of = std::collections::BTreeMap::new();
        for changes in &staged {
            first_of.entry(changes.state.order_id).or_insert_with(|| changes.read_at());
        }
        if first_of.into_iter().any(|(id, read_at)| self.version(&committed, id) != read_at) {
            return Err(RepoError::Conflict);
        }
        let named =
            |record: &KeyRecord| (self.tenant.clone(), record.request.caller.clone(), record.request.key.clone());
        let is_taken = |record: &KeyRecord| {
            let is_another = |taken: &KeyRecord| taken.request.fingerprint != record.request.fingerprint;
            committed.keys.get(&named(record)).is_some_and(|items| {
                items.contains_key(&record.outcome.batch_index) || items.values().any(|(taken, _)| is_another(taken))
            })
        };
        if keys.iter().any(is_taken) {
            return Err(RepoError::KeyTaken);
        }
        for record in keys {
            committed
                .keys
                .entry(named(&record))
                .or_default()
                .insert(record.outcome.batch_index, (record, Instant::now()));
        }
        for Changes { state, events } in staged {
            for event in events {
                committed.append(&self.tenant, &self.cause, event);
            }
            committed.orders.insert((self.tenant.clone(), state.order_id), state);
        }
        self.shared.news.notify_one();
        Ok(())
    }
}
