use std::sync::Arc;

use sqlx::error::DatabaseError;

use crate::app::{BoxError, RepoError};

/// What a failed statement means for a use case.
pub(super) fn repo_error(error: sqlx::Error) -> RepoError {
    match &error {
        sqlx::Error::Database(database) if is_lost_race(database.as_ref()) => RepoError::Conflict,
        sqlx::Error::Database(database) if database.constraint() == Some("idempotency_keys_pkey") => {
            RepoError::KeyTaken
        }
        sqlx::Error::Database(database) if !is_temporary(database.as_ref()) => RepoError::Backend(error.into()),
        sqlx::Error::Database(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => RepoError::Unavailable(error.into()),
        _ => RepoError::Backend(error.into()),
    }
}

/// What a failed COMMIT means. The outcome is unknown unless the server itself reports the failure.
pub(super) fn commit_error(error: sqlx::Error) -> RepoError {
    match error {
        sqlx::Error::Database(_) => repo_error(error),
        _ => RepoError::Unavailable(error.into()),
    }
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

/// The error is temporary, by the error codes of PostgreSQL (appendix A of its manual).
fn is_temporary(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| {
        let class = code.get(..2).unwrap_or_default();
        // Connection exceptions, insufficient resources, operator intervention, system errors.
        matches!(class, "08" | "53" | "57" | "58")
            // Lock timeout; idle in transaction; read-only after a fail-over.
            || matches!(code.as_ref(), "55P03" | "25P03" | "25006")
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
