//! Many change sets in one transaction, in as many statements as one change set takes.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use sqlx::PgConnection;

use crate::app::RepoError;

use super::{
    change_set::ChangeSet,
    columns::TenantChanges,
    inserts::{Inserted, Inserts, Key},
    item_changes::ItemChanges,
    orders::update_orders,
};

/// Why a change set is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another writer has changed the order since it was read, or is changing it now.
    Conflict,
    KeyTaken,
}

/// The change sets that are not written, by their indexes in the batch.
pub(crate) type Refusals = HashMap<usize, Refusal>;

/// The outcome of a batch in its open transaction.
pub(crate) struct Written {
    /// All other change sets are written.
    pub(crate) refusals: Refusals,
    /// A part of a refused change set is written: the transaction must not commit.
    pub(crate) must_roll_back: bool,
    /// The positions of the events that are written.
    pub(crate) positions: Range<u64>,
    /// Their sequences.
    pub(crate) sequences: Vec<u64>,
}

impl From<Refusal> for RepoError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::KeyTaken => Self::KeyTaken,
        }
    }
}

/// Writes the change sets that are not refused. No two of them may claim the same order or key. Every transaction locks
/// orders first, then keys, then the head of the event log, and sorts orders and keys by name: no two transactions can
/// deadlock.
pub(crate) async fn write(connection: &mut PgConnection, sets: &[&ChangeSet]) -> Result<Written, RepoError> {
    let updated = update_orders(connection, sets).await?;
    let lost: HashSet<usize> = updated.iter().filter(|order| !order.is_written).map(|order| order.set).collect();
    let mut written = Written {
        refusals: lost.iter().map(|set| (*set, Refusal::Conflict)).collect(),
        must_roll_back: updated.iter().any(|order| order.is_written && lost.contains(&order.set)),
        positions: 0..0,
        sequences: Vec::new(),
    };
    while !written.must_roll_back && written.refusals.len() < sets.len() {
        let (keys, changes) = (written.keys(sets), written.changes(sets));
        let new = changes.iter().filter(|(_, changes)| changes.read_at() == 0);
        let orders = new.map(|(tenant, changes)| (*tenant, &changes.state)).collect();
        let events = written.accepted(sets).flat_map(|(_, set)| set.staged_events()).collect();
        let lines = ItemChanges::from_events(&changes);
        lines.update(connection).await?;
        let inserts = Inserts { keys, orders, lines: lines.added, events };
        match inserts.insert(connection).await? {
            Inserted::At { positions, sequences } => {
                (written.positions, written.sequences) = (positions, sequences);
                break;
            }
            // Nothing was inserted. The other change sets are written in the next round, or after a roll-back.
            Inserted::Taken(sets) => {
                written.refusals.extend(sets.into_iter().map(|set| (set, Refusal::KeyTaken)));
                written.must_roll_back =
                    updated.iter().any(|order| order.is_written && written.refusals.contains_key(&order.set));
            }
        }
    }
    Ok(written)
}

impl Written {
    fn changes<'a>(&self, sets: &[&'a ChangeSet]) -> Vec<TenantChanges<'a>> {
        self.accepted(sets).flat_map(|(_, set)| set.tenant_changes()).collect()
    }

    fn keys<'a>(&self, sets: &[&'a ChangeSet]) -> Vec<Key<'a>> {
        let key = |(set, changes): (usize, &'a ChangeSet)| {
            changes.tenant_keys().map(move |(tenant, record)| Key { set, tenant, record })
        };
        self.accepted(sets).flat_map(key).collect()
    }

    fn accepted<'a>(&self, sets: &[&'a ChangeSet]) -> impl Iterator<Item = (usize, &'a ChangeSet)> {
        sets.iter().copied().enumerate().filter(|(n, _)| !self.refusals.contains_key(n))
    }
}
