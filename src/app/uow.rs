use crate::domain::{Order, OrderId};

use super::{Changes, KeyRecord, Lock, OrderRepo, RepoError};

/// A unit of work: everything that is saved in it is written by `commit` in one transaction, or nothing is.
///
/// The repository decides which transaction that is:
/// - `PgOrderRepo` usually shares one. It keeps the changes in memory, and `commit` hands them to the group commit. The
///   group commit wraps one `sqlx::Transaction` and writes all units of work that wait for it.
/// - `PgOrderRepo` has its own after a read with [`Lock::Write`]: that read begins a `sqlx::Transaction`, which holds the
///   row lock. `commit` writes and commits in this transaction.
/// - `InMemoryOrderRepo` keeps the changes in memory, and `commit` applies them under one mutex.
#[must_use = "a unit of work that is dropped rolls back"]
#[derive(Debug)]
pub struct Uow<R: OrderRepo> {
    repo: R,
}

impl<R: OrderRepo> Uow<R> {
    /// Called by [`super::UnitOfWork::begin`].
    pub const fn new(repo: R) -> Self {
        Self { repo }
    }

    pub async fn find(&mut self, id: OrderId, lock: Lock) -> Result<Option<Order>, RepoError> {
        self.repo.find(id, lock).await
    }

    /// Takes the order by value: nothing can change it after its events have left it.
    pub fn save(&mut self, order: Order) -> Result<(), RepoError> {
        match Changes::from_order(order) {
            Some(changes) => self.repo.stage(changes),
            None => Ok(()),
        }
    }

    /// Stores the outcome under the key of the request, in the same transaction. A repetition of the request finds it.
    pub fn save_key(&mut self, record: KeyRecord) {
        self.repo.stage_key(record);
    }

    /// Orders, items, events and keys become visible together. The outcome is unknown if the future is dropped before it
    /// is ready, and if the error is `Unavailable`.
    pub async fn commit(self) -> Result<(), RepoError> {
        self.repo.commit().await
    }
}
