use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    app::KeyRecord,
    domain::{OrderEvent, OrderId, OrderState, TenantId},
};

/// What all units of work and queries of one store see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    committed: Mutex<Committed>,
    /// Held by a unit of work from its read with `Lock::Write`, or else for its commit.
    pub(super) writers: Arc<tokio::sync::Mutex<()>>,
    /// Wakes who follows the log.
    pub(super) news: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) orders: BTreeMap<(TenantId, OrderId), OrderState>,
    /// The log: an event's position is its index plus one.
    pub(super) events: Vec<(TenantId, OrderEvent)>,
    /// By tenant, caller and key.
    pub(super) keys: BTreeMap<(TenantId, String, String), Items>,
}

/// What was done under one key, by the place in the request.
pub(super) type Items = BTreeMap<u32, KeyRecord>;

impl Shared {
    /// Held for as long as a map look-up takes, never across an await. A change is checked before it is made,
    /// so that a panic of another thread leaves nothing half-done.
    pub(super) fn committed(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
