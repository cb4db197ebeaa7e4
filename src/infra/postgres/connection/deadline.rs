use std::{
    future::Future,
    pin::{Pin, pin},
    time::Duration,
};

use tokio::time::timeout;

use crate::app::RepoError;

use super::pool::Place;

/// How long the service waits for the answer to a statement, or to all statements that write a batch. PostgreSQL cancels a
/// statement after `STATEMENT_TIMEOUT` and reports it, so a longer silence means that nothing comes.
const DEADLINE: Duration = Duration::from_secs(11);

/// Nobody else waits longer for a connection that is silent. The server may run a long statement, or the connection is dead
/// while a new one would work.
pub(super) const OVERDUE_AFTER: Duration = Duration::from_secs(1);

/// Bounds each statement of a connection.
pub(crate) struct StatementTime<'l> {
    place: &'l mut Place,
}

impl<'l> StatementTime<'l> {
    pub(super) const fn new(place: &'l mut Place) -> Self {
        Self { place }
    }

    /// The result of the statement, or `Unavailable` at the deadline. After an error the caller drops the lease, which closes
    /// the connection.
    pub(crate) async fn bound<T>(
        &mut self,
        statement: impl Future<Output = Result<T, RepoError>>,
    ) -> Result<T, RepoError> {
        let mut statement = pin!(statement);
        if let Ok(answered) = timeout(OVERDUE_AFTER, statement.as_mut()).await {
            return answered;
        }
        self.place.free();
        self.others_may_be_dead();
        timeout(DEADLINE.saturating_sub(OVERDUE_AFTER), statement).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// This connection is silent. Closes the idle ones, which may be dead for the same reason.
    pub(super) fn others_may_be_dead(&self) {
        self.place.pool.idle().clear();
    }
}

/// The result of the work, or the work itself when it is overdue: it can go on in a task of its own while others use new
/// connections.
pub(crate) async fn in_time<W: Future>(mut work: Pin<Box<W>>) -> Result<W::Output, Pin<Box<W>>> {
    let finished = timeout(OVERDUE_AFTER, work.as_mut()).await;
    finished.map_err(|_| work)
}

pub(crate) fn no_answer() -> RepoError {
    RepoError::Unavailable("the database does not respond".into())
}
