//! Many change sets in one transaction, in as many statements as one of them takes.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use sqlx::PgConnection;

use crate::{
    app::{Changes, RepoError},
    domain::TenantId,
    infra::postgres::rows::number_to_store,
};

use super::{
    change_set::ChangeSet,
    inserts::{Inserted, Inserts, Key},
    item_changes::ItemChanges,
    orders::update_orders,
};

/// A change of an order and whose it is.
pub(super) type TenantChanges<'a> = (&'a TenantId, &'a Changes);

/// Why a change set is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Someone else changed the order since it was read, or is changing it now.
    Conflict,
    KeyTaken,
}

/// The sets that are not written, by their places.
pub(crate) type Refusals = HashMap<usize, Refusal>;

/// What became of the sets in the transaction.
pub(crate) struct Written {
    /// The others are written.
    pub(crate) refusals: Refusals,
    /// A refused set has left a part of itself behind: to be rolled back.
    pub(crate) must_roll_back: bool,
    /// Of the events of what is written.
    pub(crate) positions: Range<u64>,
}

impl From<Refusal> for RepoError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::KeyTaken => Self::KeyTaken,
        }
    }
}

/// Writes the sets that hold. No order and no key may be in two of them. Every transaction locks orders, then keys, then the
/// head of the log, and orders and keys by their names: no two wait for each other.
pub(crate) async fn write(connection: &mut PgConnection, sets: &[&ChangeSet]) -> Result<Written, RepoError> {
    let updated = update_orders(connection, sets).await?;
    let lost: HashSet<usize> = updated.iter().filter(|part| !part.is_written).map(|part| part.set).collect();
    let mut written = Written {
        refusals: lost.iter().map(|set| (*set, Refusal::Conflict)).collect(),
        must_roll_back: updated.iter().any(|part| part.is_written && lost.contains(&part.set)),
        positions: 0..0,
    };
    while !written.must_roll_back && written.refusals.len() < sets.len() {
        let (keys, changes) = (written.keys(sets), written.changes(sets));
        let new = changes.iter().filter(|(_, changes)| changes.read_at() == 0);
        let orders = new.map(|(tenant, changes)| (*tenant, &changes.state)).collect();
        let events = written.held(sets).flat_map(|(_, set)| set.tenant_events()).collect();
        let lines = ItemChanges::from_events(&changes);
        lines.update(connection).await?;
        let inserts = Inserts { keys, orders, lines: lines.added, events };
        match inserts.insert(connection).await? {
            Inserted::At(positions) => {
                written.positions = positions;
                break;
            }
            // Nothing was inserted: the others are, at once or from the beginning.
            Inserted::Taken(sets) => {
                written.refusals.extend(sets.into_iter().map(|set| (set, Refusal::KeyTaken)));
                written.must_roll_back =
                    updated.iter().any(|part| part.is_written && written.refusals.contains_key(&part.set));
            }
        }
    }
    Ok(written)
}

impl Written {
    fn changes<'a>(&self, sets: &[&'a ChangeSet]) -> Vec<TenantChanges<'a>> {
        self.held(sets).flat_map(|(_, set)| set.tenant_changes()).collect()
    }

    fn keys<'a>(&self, sets: &[&'a ChangeSet]) -> Vec<Key<'a>> {
        let key = |(set, changes): (usize, &'a ChangeSet)| {
            changes.tenant_keys().map(move |(tenant, record)| Key { set, tenant, record })
        };
        self.held(sets).flat_map(key).collect()
    }

    fn held<'a>(&self, sets: &[&'a ChangeSet]) -> impl Iterator<Item = (usize, &'a ChangeSet)> {
        sets.iter().copied().enumerate().filter(|(n, _)| !self.refusals.contains_key(n))
    }
}

/// An order of a set, and whether the database took it.
#[derive(Clone, Copy)]
pub(super) struct UpdatedOrder {
    pub(super) set: usize,
    pub(super) is_written: bool,
}

/// One column of the rows that a statement writes.
pub(super) fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The same of numbers, as the schema has them.
pub(super) fn numbers<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Result<Vec<i32>, RepoError>
where
    i32: TryFrom<T, Error: std::error::Error + Send + Sync + 'static>,
{
    rows.iter().map(|row| number_to_store(value(row))).collect()
}
