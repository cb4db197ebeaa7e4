use crate::domain::{Order, OrderId};

use super::{Changes, KeyRecord, Lock, OrderRepo, RepoError};

/// A unit of work: what was saved in it, kept as a whole or not at all, and the policy of finishing it.
/// Nothing is kept unless `commit` returns `Ok`.
#[must_use = "a unit of work that is dropped rolls back"]
#[derive(Debug)]
pub struct Uow<R: OrderRepo> {
    repo: R,
    written: Vec<Changes>,
}

impl<R: OrderRepo> Uow<R> {
    pub const fn new(repo: R) -> Self {
        Self { repo, written: Vec::new() }
    }

    pub async fn order(&mut self, id: OrderId, lock: Lock) -> Result<Option<Order>, RepoError> {
        self.repo.find(id, lock).await
    }

    /// Takes the order by value: nothing can change it after its events have left.
    pub async fn save(&mut self, order: Order) -> Result<(), RepoError> {
        if let Some(changes) = Changes::of(order) {
            self.repo.apply(&changes).await?;
            self.written.push(changes);
        }
        Ok(())
    }

    /// Ties what was saved to the key of the request: a repetition finds it.
    pub async fn remember(&mut self, record: &KeyRecord) -> Result<(), RepoError> {
        self.repo.remember(record).await
    }

    /// Orders, items and events become visible together, or not at all. When the future is dropped before it answers,
    /// or answers `Unavailable`, the outcome is unknown.
    pub async fn commit(mut self) -> Result<(), RepoError> {
        if !self.written.is_empty() {
            self.repo.append(&self.written).await?;
        }
        self.repo.commit().await
    }
}
