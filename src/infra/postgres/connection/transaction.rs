use futures_util::TryFutureExt;
use sqlx::{Executor, PgConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    app::RepoError,
    infra::postgres::errors::{commit_error, repo_error},
};

use super::{
    connections::{ConnectionLease, Connections},
    deadline::{OVERDUE_AFTER, StatementTime, no_answer},
};

/// Begins a transaction that writes. The isolation is explicit, because a pooler may ignore the options of a session.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A transaction that has a connection for itself. It is rolled back if it is dropped without `commit`.
pub(crate) struct OwnTransaction {
    /// `None` only after the end of the transaction.
    lease: Option<ConnectionLease>,
    runtime: Handle,
}

impl OwnTransaction {
    /// If this future is dropped half-way, the connection is closed.
    pub(crate) async fn begin(connections: &Connections) -> Result<Self, RepoError> {
        match begin_on(connections.take().await?).await {
            // The connection was idle, and may be dead. Nothing is written yet: another one takes its place.
            Err(RepoError::Unavailable(_)) => begin_on(connections.take().await?).await,
            begun => begun,
        }
        .map(|lease| Self { lease: Some(lease), runtime: connections.runtime().clone() })
    }

    /// The connection, and the bound for each of its statements.
    pub(crate) fn parts(&mut self) -> Result<(&mut PgConnection, StatementTime<'_>), RepoError> {
        self.lease.as_mut().map(ConnectionLease::parts).ok_or_else(ended)
    }

    pub(crate) async fn commit(mut self) -> Result<(), RepoError> {
        self.end_with("COMMIT").await?.done();
        Ok(())
    }

    /// Begins the next transaction in the same round trip.
    pub(crate) async fn commit_and_chain(mut self) -> Result<Self, RepoError> {
        let lease = self.end_with("COMMIT AND CHAIN").await?;
        Ok(Self { lease: Some(lease), runtime: self.runtime.clone() })
    }

    /// After an error, the outcome is unknown and the connection is closed.
    async fn end_with(&mut self, statement: &'static str) -> Result<ConnectionLease, RepoError> {
        let mut lease = self.lease.take().ok_or_else(ended)?;
        let (connection, mut time) = lease.parts();
        time.bound(connection.execute(statement).map_err(commit_error)).await?;
        Ok(lease)
    }

    /// Closes the connection, which ends the transaction.
    pub(crate) fn abandon(mut self) {
        self.lease = None;
    }
}

impl Drop for OwnTransaction {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.runtime.spawn(roll_back(lease));
        }
    }
}

fn ended() -> RepoError {
    RepoError::Unavailable("the transaction has ended".into())
}

async fn begin_on(mut lease: ConnectionLease) -> Result<ConnectionLease, RepoError> {
    let (connection, time) = lease.parts();
    let begun = timeout(OVERDUE_AFTER, connection.execute(BEGIN).map_err(repo_error)).await;
    if begun.is_err() {
        time.others_may_be_dead();
    }
    begun.unwrap_or_else(|_| Err(no_answer()))?;
    Ok(lease)
}

/// An error, or silence until the deadline, closes the connection, which also ends the transaction.
async fn roll_back(mut lease: ConnectionLease) {
    let (connection, mut time) = lease.parts();
    if time.bound(connection.execute("ROLLBACK").map_err(repo_error)).await.is_ok() {
        lease.done();
    }
}
