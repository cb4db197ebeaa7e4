use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{
    app::{Changes, KeyRecord, RepoError},
    domain::{OrderEvent, OrderId, TenantId},
};

use super::{batch::Owned, turns::Turn};

/// All that one unit of work writes: kept whole or not at all.
pub(in super::super) struct ChangeSet {
    pub(in super::super) tenant: TenantId,
    /// One for each order.
    pub(in super::super) changes: Vec<Changes>,
    pub(in super::super) keys: Vec<KeyRecord>,
    /// Whoever comes next to these orders waits until it is known what became of this.
    pub(in super::super) turns: Vec<Turn>,
}

impl ChangeSet {
    pub(in super::super) const fn new(tenant: TenantId) -> Self {
        Self { tenant, changes: Vec::new(), keys: Vec::new(), turns: Vec::new() }
    }

    pub(in super::super) const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.keys.is_empty()
    }

    pub(in super::super) fn staged(&self, id: OrderId) -> Option<&Changes> {
        self.changes.iter().find(|changes| changes.state.order_id == id)
    }

    pub(in super::super) fn stage(&mut self, changes: &Changes) -> Result<(), RepoError> {
        let id = changes.state.order_id;
        match self.changes.iter_mut().find(|earlier| earlier.state.order_id == id) {
            None => self.changes.push(changes.clone()),
            Some(earlier) if earlier.state.version == changes.read_at() => {
                earlier.state = changes.state.clone();
                earlier.events.extend_from_slice(&changes.events);
            }
            Some(_) => return Err(RepoError::Conflict),
        }
        Ok(())
    }

    pub(in super::super) fn owned_changes(&self) -> impl Iterator<Item = Owned<'_>> {
        self.changes.iter().map(|changes| (&self.tenant, changes))
    }

    pub(in super::super) fn owned_events(&self) -> impl Iterator<Item = (&TenantId, &OrderEvent)> {
        self.owned_changes().flat_map(|(tenant, changes)| changes.events.iter().map(move |event| (tenant, event)))
    }

    pub(super) fn owned_keys(&self) -> impl Iterator<Item = (&TenantId, &KeyRecord)> {
        self.keys.iter().map(|record| (&self.tenant, record))
    }

    /// What no two may have.
    pub(super) fn key_names(&self) -> impl Iterator<Item = KeyName<'_>> {
        self.keys.iter().map(|record| key_name(&self.tenant, record))
    }

    /// It is committed: who waits for a turn need not read the orders again if nobody else has changed them by then.
    pub(in super::super) fn leave_states(&mut self) {
        let Self { tenant, changes, turns, .. } = self;
        for changes in changes.drain(..) {
            let id = changes.state.order_id;
            if let Some(turn) = turns.iter_mut().find(|turn| turn.is_of(tenant, id)) {
                turn.leave_state(changes.state);
            }
        }
    }

    /// What no other set in the same transaction may touch. Two claims that differ may look alike.
    pub(in super::super) fn claims(&self) -> impl Iterator<Item = u64> {
        let orders = self.changes.iter().map(|changes| hash((&self.tenant, changes.state.order_id)));
        let keys = self.keys.iter().map(|record| hash((&self.tenant, &record.request.caller, &record.request.key)));
        orders.chain(keys)
    }
}

/// Tenant, caller, key and item.
pub(super) type KeyName<'a> = (&'a str, &'a str, &'a str, u32);

pub(super) fn key_name<'a>(tenant: &'a TenantId, record: &'a KeyRecord) -> KeyName<'a> {
    let KeyRecord { request, outcome, .. } = record;
    (tenant.as_str(), &request.caller, &request.key, outcome.item)
}

fn hash(claim: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    claim.hash(&mut hasher);
    hasher.finish()
}
