pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked. In every case, nothing of the unit of work was kept, unless a `commit` was under way.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    #[error("someone else changed the order since it was read")]
    Conflict,
    /// A request with the same key was faster: what it led to is there now.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// It may work in a moment: no connection, a timeout, a shutdown.
    #[error("the store is away")]
    Unavailable(#[source] BoxError),
    #[error("the store failed")]
    Backend(#[source] BoxError),
}
