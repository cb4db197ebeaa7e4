use sqlx::error::DatabaseError;

use crate::app::RepoError;

/// What a failed statement means to a use case.
pub(super) fn repo_error(error: sqlx::Error) -> RepoError {
    match &error {
        sqlx::Error::Database(database) if is_lost_race(database.as_ref()) => RepoError::Conflict,
        sqlx::Error::Database(database) if !is_passing(database.as_ref()) => RepoError::Backend(error.into()),
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

/// Something in the store is not what this release would have written.
pub(super) fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> RepoError {
    RepoError::Backend(Box::new(error))
}

/// Another transaction took the order id or the version, or the database broke a tie between two (SQLSTATE class 40).
fn is_lost_race(error: &dyn DatabaseError) -> bool {
    matches!(error.constraint(), Some("orders_pkey" | "order_events_version_key"))
        || error.code().is_some_and(|code| code.starts_with("40"))
}

/// PostgreSQL's error codes (appendix A of its manual) for what passes by itself.
fn is_passing(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| {
        let class = code.get(..2).unwrap_or_default();
        // Connection exceptions, insufficient resources, operator intervention, system errors.
        matches!(class, "08" | "53" | "57" | "58")
            // Lock not available; idle in transaction; read-only after a fail-over.
            || matches!(code.as_ref(), "55P03" | "25P03" | "25006")
    })
}
