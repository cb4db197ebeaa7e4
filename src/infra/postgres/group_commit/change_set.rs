use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{
    app::{Cause, Changes, KeyRecord, RepoError, encode_data},
    domain::{OrderId, TenantId},
    infra::postgres::{errors::corrupt, recent::StagedEvent},
};

use super::{columns::TenantChanges, order_locks::OrderLock};

/// All that one unit of work writes: everything or nothing is committed.
pub(crate) struct ChangeSet {
    pub(crate) tenant: TenantId,
    cause: Cause,
    /// One for each order.
    changes: Vec<Staged>,
    keys: Vec<KeyRecord>,
    claims: Vec<u64>,
    /// The next writers of these orders wait until the outcome of this unit of work is known.
    pub(crate) order_locks: Vec<OrderLock>,
}

/// The changes of one order. The request encodes the data of its events before it queues: the task of the group commit
/// serves all requests of the instance, and does only what it alone can do.
struct Staged {
    changes: Changes,
    /// The encoded data of each event.
    data: Vec<String>,
}

impl ChangeSet {
    pub(crate) fn new(tenant: TenantId, cause: Cause) -> Self {
        Self { tenant, cause, changes: Vec::new(), keys: Vec::new(), claims: Vec::new(), order_locks: Vec::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.keys.is_empty()
    }

    pub(crate) fn staged(&self, id: OrderId) -> Option<&Changes> {
        self.changes.iter().map(|staged| &staged.changes).find(|changes| changes.state.order_id == id)
    }

    pub(crate) fn stage(&mut self, changes: Changes) -> Result<(), RepoError> {
        let id = changes.state.order_id;
        let data = changes.events.iter().map(|event| encode_data(&event.kind).map_err(corrupt));
        let data: Vec<String> = data.collect::<Result<_, _>>()?;
        match self.changes.iter_mut().find(|earlier| earlier.changes.state.order_id == id) {
            None => {
                self.claims.push(hash((&self.tenant, id)));
                self.changes.push(Staged { changes, data });
            }
            Some(earlier) if earlier.changes.state.version == changes.read_at() => {
                earlier.changes.state = changes.state;
                earlier.changes.events.extend(changes.events);
                earlier.data.extend(data);
            }
            Some(_) => return Err(RepoError::Conflict),
        }
        Ok(())
    }

    pub(crate) fn stage_key(&mut self, record: KeyRecord) {
        self.claims.push(hash((&self.tenant, &record.request.caller, &record.request.key)));
        self.keys.push(record);
    }

    pub(crate) fn tenant_changes(&self) -> impl Iterator<Item = TenantChanges<'_>> {
        self.changes.iter().map(|staged| (&self.tenant, &staged.changes))
    }

    pub(crate) fn staged_events(&self) -> impl Iterator<Item = StagedEvent<'_>> + Clone {
        let events = self.changes.iter().flat_map(|staged| staged.changes.events.iter().zip(&staged.data));
        events.map(|(event, data)| StagedEvent { tenant: &self.tenant, cause: &self.cause, event, data })
    }

    pub(super) fn tenant_keys(&self) -> impl Iterator<Item = (&TenantId, &KeyRecord)> {
        self.keys.iter().map(|record| (&self.tenant, record))
    }

    /// The keys that no other change set may have too.
    pub(super) fn key_names(&self) -> impl Iterator<Item = KeyName<'_>> {
        self.keys.iter().map(|record| key_name(&self.tenant, record))
    }

    /// After the commit: passes each order to its next writer, which need not read it again unless another instance has
    /// changed it by then.
    pub(crate) fn pass_states_on(&mut self) {
        let Self { tenant, changes, order_locks, .. } = self;
        for Staged { changes, .. } in changes.drain(..) {
            let id = changes.state.order_id;
            if let Some(lock) = order_locks.iter_mut().find(|lock| lock.is_for(tenant, id)) {
                lock.pass_on(changes.state);
            }
        }
    }

    /// Hashes of the orders and keys that no other change set of the same transaction may touch. Two different ones may
    /// have the same hash; one of their change sets then waits for the next transaction.
    pub(crate) fn claims(&self) -> &[u64] {
        &self.claims
    }
}

/// Tenant, caller, key and item.
pub(super) type KeyName<'a> = (&'a str, &'a str, &'a str, u32);

pub(super) fn key_name<'a>(tenant: &'a TenantId, record: &'a KeyRecord) -> KeyName<'a> {
    let KeyRecord { request, outcome, .. } = record;
    (tenant.as_str(), &request.caller, &request.key, outcome.batch_index)
}

fn hash(claim: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    claim.hash(&mut hasher);
    hasher.finish()
}
