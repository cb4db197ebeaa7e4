use std::future::Future;

use time::OffsetDateTime;

use crate::{app::Recorded, domain::TenantId};

use super::RepoError;

/// What requests with a key led to.
pub trait IdempotencyKeys: Clone + Send + Sync + 'static {
    /// `None` for a key that was not used, or so long ago that it was forgotten.
    fn recall(
        &self,
        tenant: &TenantId,
        caller: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<Recorded>, RepoError>> + Send;

    /// Forgets at most `limit` keys that were used before this time; how many they were.
    fn forget(&self, before: OffsetDateTime, limit: usize) -> impl Future<Output = Result<usize, RepoError>> + Send;
}
