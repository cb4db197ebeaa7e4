use futures_util::TryFutureExt;
use sqlx::{Executor, PgConnection};
use tokio::runtime::Handle;

use crate::{
    app::RepoError,
    infra::postgres::errors::{commit_error, repo_error},
};

use super::{
    connections::{ConnectionLease, Connections},
    deadline::StatementTime,
};

/// Begins a transaction that writes. The isolation is explicit, because a pooler may ignore the options of a session.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A transaction that has a connection for itself. It is rolled back if it is dropped without `commit`.
pub(crate) struct OwnTransaction {
    /// `None` only after the end of the transaction.
    lease: Option<ConnectionLease>,
    runtime: Handle,
}

impl OwnTransaction {
    /// If this future is dropped half-way, the connection is closed.
    pub(crate) async fn begin(connections: &Connections) -> Result<Self, RepoError> {
        let mut lease = connections.take().await?;
        let (connection, mut time) = lease.parts();
        time.bound(connection.execute(BEGIN).map_err(repo_error)).await?;
        Ok(Self { lease: Some(lease), runtime: connections.runtime().clone() })
    }

    /// The connection, and the bound for each of its statements.
    pub(crate) fn parts(&mut self) -> Result<(&mut PgConnection, StatementTime<'_>), RepoError> {
        let ended = || RepoError::Unavailable("the transaction has ended".into());
        self.lease.as_mut().map(ConnectionLease::parts).ok_or_else(ended)
    }

    pub(crate) async fn commit(mut self) -> Result<(), RepoError> {
        let (connection, mut time) = self.parts()?;
        time.bound(connection.execute("COMMIT").map_err(commit_error)).await?;
        if let Some(lease) = self.lease.take() {
            lease.done();
        }
        Ok(())
    }
}

impl Drop for OwnTransaction {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.runtime.spawn(roll_back(lease));
        }
    }
}

/// An error, or silence until the deadline, closes the connection, which also ends the transaction.
async fn roll_back(mut lease: ConnectionLease) {
    let (connection, mut time) = lease.parts();
    if time.bound(connection.execute("ROLLBACK").map_err(repo_error)).await.is_ok() {
        lease.done();
    }
}
