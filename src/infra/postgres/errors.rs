use std::{error::Error, fmt, sync::Arc};

use sqlx::error::DatabaseError;

use crate::app::{BoxError, RepoError};

/// An error of sqlx with its cause once, and without the line of PostgreSQL's own source code.
#[derive(Debug)]
pub struct StatementError(pub(super) sqlx::Error);

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cause(&self.0, f)
    }
}

pub(super) fn write_cause(error: &sqlx::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            write!(f, "{} (SQLSTATE {code})", error.message())
        }
        sqlx::Error::Io(error) => write!(f, "no connection to the database: {error}"),
        error => write!(f, "{error}"),
    }
}

impl Error for StatementError {
    /// The text of a sqlx error has the text of its source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source().and_then(Error::source)
    }
}

/// What a failed statement means for a use case.
pub(super) fn repo_error(error: sqlx::Error) -> RepoError {
    match &error {
        sqlx::Error::Database(database) if is_lost_race(database.as_ref()) => RepoError::Conflict,
        sqlx::Error::Database(database) if database.constraint() == Some("idempotency_keys_pkey") => {
            RepoError::KeyTaken
        }
        _ if is_unavailable(&error) => unavailable(error),
        _ => backend(error),
    }
}

/// The database is at fault, or the way to it. Somebody repairs it, and then the service goes on by itself.
pub(super) fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => is_temporary(error.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// What a failed COMMIT means. The outcome is unknown unless the server itself reports the failure.
pub(super) fn commit_error(error: sqlx::Error) -> RepoError {
    match error {
        sqlx::Error::Database(_) => repo_error(error),
        _ => unavailable(error),
    }
}

fn unavailable(error: sqlx::Error) -> RepoError {
    RepoError::Unavailable(StatementError(error).into())
}

fn backend(error: sqlx::Error) -> RepoError {
    RepoError::Backend(StatementError(error).into())
}

/// A row has a value that this release does not write.
pub(super) fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> RepoError {
    RepoError::Backend(Box::new(error))
}

/// Another transaction took the order id or the version, or PostgreSQL resolved a deadlock or a serialization failure
/// (SQLSTATE class 40).
fn is_lost_race(error: &dyn DatabaseError) -> bool {
    matches!(error.constraint(), Some("orders_pkey" | "order_events_version_key"))
        || error.code().is_some_and(|code| code.starts_with("40"))
}

/// By the error codes of PostgreSQL (appendix A of its manual).
fn is_temporary(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| {
        let class = code.get(..2).unwrap_or_default();
        // Connection exceptions, insufficient resources, operator intervention, system errors.
        matches!(class, "08" | "53" | "57" | "58")
            // A refused login; no such database or schema: it was renamed, or is being restored.
            || matches!(class, "28" | "3D" | "3F")
            // Lock timeout; idle in transaction; read-only after a fail-over.
            || matches!(code.as_ref(), "55P03" | "25P03" | "25006")
            // No such table or column, or no right to use it, during a restore.
            || matches!(code.as_ref(), "42P01" | "42703" | "42501")
            // A restore has changed the tables of a prepared statement, or a pooler has lost it.
            || matches!(code.as_ref(), "0A000" | "26000")
    })
}

/// One error for many callers.
pub(super) struct SharedError {
    kind: fn(BoxError) -> RepoError,
    cause: Cause,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<RepoError>);

impl SharedError {
    pub(super) fn new(error: RepoError) -> Self {
        let kind = match &error {
            RepoError::Conflict => |_| RepoError::Conflict,
            RepoError::KeyTaken => |_| RepoError::KeyTaken,
            RepoError::Unavailable(_) => RepoError::Unavailable,
            RepoError::NewerRelease(_) => RepoError::NewerRelease,
            RepoError::Backend(_) => RepoError::Backend,
        };
        Self { kind, cause: Cause(Arc::new(error)) }
    }

    pub(super) fn to_repo_error(&self) -> RepoError {
        (self.kind)(Box::new(self.cause.clone()))
    }
}
