use sqlx::{PgConnection, query};
use time::OffsetDateTime;

use crate::{
    app::{IdempotencyKeys, KeyRecord, Outcome, Recorded, RepoError},
    domain::{OrderId, TenantId},
};

use super::{
    PgStore,
    errors::{corrupt, repo_error},
    rows::{number, number_to_store},
};

impl IdempotencyKeys for PgStore {
    async fn recall(&self, tenant: &TenantId, caller: &str, key: &str) -> Result<Option<Recorded>, RepoError> {
        let mut connection = self.readers.take().await?;
        let rows = query!(
            "select item, fingerprint, order_id, version
            from idempotency_keys
            where tenant_id = $1 and caller = $2 and key = $3
            order by item",
            tenant.as_str(),
            caller,
            key,
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(repo_error)?;
        connection.done();
        let Some(first) = rows.first() else { return Ok(None) };
        let fingerprint = first.fingerprint.as_slice().try_into().map_err(corrupt)?;
        let outcomes = rows.iter().map(|row| {
            let order_id = OrderId::from_uuid(row.order_id);
            Ok(Outcome { item: number(row.item)?, order_id, version: number(row.version)? })
        });
        Ok(Some(Recorded { fingerprint, outcomes: outcomes.collect::<Result<_, RepoError>>()? }))
    }

    async fn forget(&self, before: OffsetDateTime, limit: usize) -> Result<usize, RepoError> {
        let forgotten = query!(
            "delete from idempotency_keys
            where ctid = any (array(
                select ctid from idempotency_keys where created_at < $1 order by created_at limit $2 for update skip locked
            ))",
            before,
            i64::try_from(limit).map_err(corrupt)?,
        )
        .execute(&self.pool)
        .await
        .map_err(repo_error)?;
        usize::try_from(forgotten.rows_affected()).map_err(corrupt)
    }
}

/// Waits while another open transaction has the key, and then finds it taken.
pub(super) async fn remember(
    connection: &mut PgConnection,
    tenant: &TenantId,
    record: &KeyRecord,
) -> Result<(), RepoError> {
    let KeyRecord { request, outcome, at } = record;
    let kept = query!(
        "insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict do nothing",
        tenant.as_str(),
        request.caller,
        request.key,
        number_to_store(outcome.item)?,
        request.fingerprint.as_slice(),
        outcome.order_id.as_uuid(),
        number_to_store(outcome.version)?,
        at,
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    if kept.rows_affected() == 1 { Ok(()) } else { Err(RepoError::KeyTaken) }
}
