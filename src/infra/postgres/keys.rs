use futures_util::TryFutureExt;
use sqlx::query;
use time::Duration;

use crate::{
    app::{IdempotencyKeys, Recorded, RepoError},
    domain::TenantId,
};

use super::{
    PgStore,
    batched_reads::KeyName,
    errors::{corrupt, repo_error},
};

impl IdempotencyKeys for PgStore {
    async fn recall(&self, tenant: &TenantId, caller: &str, key: &str) -> Result<Option<Recorded>, RepoError> {
        let name = KeyName { tenant: tenant.clone(), caller: caller.to_owned(), key: key.to_owned() };
        self.parts.key_reads.find(name).await
    }

    async fn forget(&self, age: Duration, limit: usize) -> Result<usize, RepoError> {
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        let forget = query!(
            "delete from idempotency_keys
            where ctid = any (array(
                select ctid from idempotency_keys
                where created_at <= now() - make_interval(secs => $1)
                order by created_at
                limit $2
                for update skip locked
            ))",
            age.as_seconds_f64(),
            i64::try_from(limit).map_err(corrupt)?,
        );
        let forgotten = time.bound(forget.execute(connection).map_err(repo_error)).await?;
        lease.done();
        usize::try_from(forgotten.rows_affected()).map_err(corrupt)
    }
}
