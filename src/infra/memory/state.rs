use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::{
    app::KeyRecord,
    domain::{OrderEvent, OrderId, OrderState, TenantId},
};

/// The state that all units of work and queries of one store share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    committed: Mutex<Committed>,
    /// Held by a unit of work from its read with `Lock::Write` on, or only during its commit.
    pub(super) writers: Arc<tokio::sync::Mutex<()>>,
    /// Wakes the follower of the event log.
    pub(super) news: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) orders: BTreeMap<(TenantId, OrderId), OrderState>,
    /// The event log: the position of an event is its index plus one.
    pub(super) events: Vec<(TenantId, OrderEvent)>,
    /// By tenant, caller and key.
    pub(super) keys: BTreeMap<(TenantId, String, String), Items>,
}

/// The outcomes of one key, by batch index, and when each was stored.
pub(super) type Items = BTreeMap<u32, (KeyRecord, Instant)>;

impl Shared {
    /// Never held across an await. A commit checks everything before its first change, so a panic of another thread leaves
    /// no partial change.
    pub(super) fn committed(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
