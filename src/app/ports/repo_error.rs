pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a store refused or failed. Nothing of the unit of work was stored, unless a `commit` was under way.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    #[error("the order has changed since it was read")]
    Conflict,
    /// Another request with the same key was faster. Its outcome is stored.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// A later attempt may succeed: no connection, a timeout, a shutdown.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// This release can show the data as it is, but cannot decide on it or replay it. An instance of the newer release can.
    #[error("a newer release wrote this data")]
    NewerRelease(#[source] BoxError),
    #[error("the store failed")]
    Backend(#[source] BoxError),
}
