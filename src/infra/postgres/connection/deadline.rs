use std::{future::Future, pin::pin, time::Duration};

use tokio::time::timeout;

use crate::app::RepoError;

use super::pool::Place;

/// How long the service waits for the answer to a statement, or for all answers of a transaction of the group commit.
/// PostgreSQL cancels a statement after `STATEMENT_TIMEOUT` and reports it, so a longer silence means that nothing comes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(11);

/// A connection that is silent for so long gives its permit to others. The server may run a long statement, or the connection
/// is dead while a new one would work.
const OVERDUE_AFTER: Duration = Duration::from_secs(1);

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
        timeout(DEADLINE.saturating_sub(OVERDUE_AFTER), statement).await.unwrap_or_else(|_| Err(no_answer()))
    }
}

pub(crate) fn no_answer() -> RepoError {
    RepoError::Unavailable("the database does not respond".into())
}
