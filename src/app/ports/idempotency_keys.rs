use std::future::Future;

use time::Duration;

use crate::{app::Recorded, domain::TenantId};

use super::RepoError;

/// The stored outcomes of requests with a key.
pub trait IdempotencyKeys: Clone + Send + Sync + 'static {
    /// `None` for a key that is not used, or that was deleted because it is old.
    fn recall(
        &self,
        tenant: &TenantId,
        caller: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<Recorded>, RepoError>> + Send;

    /// Deletes at most `limit` keys of at least this age, and returns their number. The store stamps keys, and measures
    /// their age, by its own clock: the clocks of instances may differ.
    fn forget(&self, age: Duration, limit: usize) -> impl Future<Output = Result<usize, RepoError>> + Send;
}
