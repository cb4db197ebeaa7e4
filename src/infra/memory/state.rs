use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::{
    app::{Cause, KeyRecord, Numbers, SecretHash},
    domain::{ApiKey, KeyId, OrderEvent, OrderId, OrderState, TenantId},
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
    pub(super) events: Vec<StoredEvent>,
    /// The last sequence of each tenant.
    pub(super) sequences: BTreeMap<TenantId, u64>,
    /// The cursors of the sinks, by name.
    pub(super) cursors: BTreeMap<String, KeptCursor>,
    pub(super) api_keys: BTreeMap<KeyId, KeptKey>,
    /// By tenant, caller and key.
    pub(super) keys: BTreeMap<(TenantId, String, String), Items>,
}

/// The cursor of a sink. One process has the store, so it holds every lease.
#[derive(Debug)]
pub(super) struct KeptCursor {
    pub(super) kind: &'static str,
    pub(super) position: u64,
    pub(super) epoch: i64,
    pub(super) is_paused: bool,
    pub(super) holder: Option<String>,
    pub(super) failure: Option<(String, OffsetDateTime)>,
}

/// A key and its secrets.
#[derive(Debug)]
pub(super) struct KeptKey {
    pub(super) key: ApiKey,
    pub(super) hash: SecretHash,
    /// The secret before, and until when it is valid.
    pub(super) previous: Option<(SecretHash, Instant)>,
}

#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) numbers: Numbers,
    pub(super) tenant: TenantId,
    pub(super) cause: Cause,
    pub(super) event: OrderEvent,
}

/// The outcomes of one key, by batch index, and when each was stored.
pub(super) type Items = BTreeMap<u32, (KeyRecord, Instant)>;

impl Committed {
    pub(super) fn append(&mut self, tenant: &TenantId, cause: &Cause, event: OrderEvent) {
        let last = self.sequences.entry(tenant.clone()).or_default();
        *last += 1;
        let numbers = Numbers { position: self.events.len() as u64 + 1, sequence: *last };
        self.events.push(StoredEvent { numbers, tenant: tenant.clone(), cause: cause.clone(), event });
    }
}

impl Shared {
    /// Never held across an await. A commit checks everything before its first change, so a panic of another thread leaves
    /// no partial change.
    pub(super) fn committed(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
