use std::future::Future;

use time::OffsetDateTime;

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

    /// Deletes at most `limit` keys that were used before this time, and returns their number.
    fn forget(&self, before: OffsetDateTime, limit: usize) -> impl Future<Output = Result<usize, RepoError>> + Send;
}
