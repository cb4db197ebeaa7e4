//! Many change sets in one transaction, in as many statements as one of them takes.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    app::{Changes, RepoError},
    domain::TenantId,
    infra::postgres::rows::number_to_store,
};

use super::{change_set::ChangeSet, events::append_events, keys::insert_keys, lines::write_lines, orders};

/// A change of an order and whose it is.
pub(super) type Owned<'a> = (&'a TenantId, &'a Changes);

/// Why a change set is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// Someone else changed the order since it was read, or is changing it now.
    Conflict,
    KeyTaken,
}

/// What became of the sets in the transaction.
pub(in super::super) struct Written {
    /// By the places of the sets. The others are written.
    pub(in super::super) refusals: HashMap<usize, Refusal>,
    /// A refused set has left a part of itself behind, so the others were not written to the end: to be rolled back.
    pub(in super::super) is_spoilt: bool,
}

impl From<Refusal> for RepoError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::KeyTaken => Self::KeyTaken,
        }
    }
}

/// Writes the sets that hold, all but their events. No order and no key may be in two of them. Every transaction locks orders,
/// then keys, then the head of the log, and orders and keys by their names: no two wait for each other.
pub(in super::super) async fn write(connection: &mut PgConnection, sets: &[&ChangeSet]) -> Result<Written, RepoError> {
    let updated = orders::update_orders(connection, sets).await?;
    let mut refusals: HashMap<_, _> = refused(&updated, Refusal::Conflict).collect();
    let kept = insert_keys(connection, sets, &refusals).await?;
    refusals.extend(refused(&kept, Refusal::KeyTaken));
    let is_spoilt = updated.iter().chain(&kept).any(|part| part.is_written && refusals.contains_key(&part.set));
    let written = Written { refusals, is_spoilt };
    if !is_spoilt {
        let changes = written.changes(sets);
        orders::insert_orders(connection, &changes).await?;
        write_lines(connection, &changes).await?;
    }
    Ok(written)
}

/// Appends the events of what is written; the position of the first.
pub(in super::super) async fn append(
    connection: &mut PgConnection,
    sets: &[&ChangeSet],
    written: &Written,
) -> Result<Option<u64>, RepoError> {
    append_events(connection, &written.changes(sets)).await
}

impl Written {
    fn changes<'a>(&self, sets: &[&'a ChangeSet]) -> Vec<Owned<'a>> {
        let held = sets.iter().enumerate().filter(|(set, _)| !self.refusals.contains_key(set));
        held.flat_map(|(_, changes)| changes.owned_changes()).collect()
    }
}

/// An order or a key of a set, and whether the database took it.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) set: usize,
    pub(super) is_written: bool,
}

fn refused(parts: &[Part], reason: Refusal) -> impl Iterator<Item = (usize, Refusal)> {
    parts.iter().filter(|part| !part.is_written).map(move |part| (part.set, reason))
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
