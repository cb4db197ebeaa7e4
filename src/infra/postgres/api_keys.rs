use std::time::Duration;

use futures_util::TryFutureExt;
use sqlx::{Connection, PgConnection, query, query_as};

use crate::{
    app::{ApiKeys, NewApiKey, RepoError, SecretHash, StoredKey},
    domain::{ApiKey, CustomerId, KeyId, Scope, TenantId},
};

use super::{PgStore, errors::repo_error, key_row::KeyRow};

impl ApiKeys for PgStore {
    async fn create_key(&self, key: NewApiKey) -> Result<ApiKey, RepoError> {
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        let row = time.bound(insert(connection, &key).map_err(repo_error)).await?;
        lease.done();
        row.into_key_of(&key.tenant)
    }

    async fn create_first_key(&self, key: NewApiKey) -> Result<bool, RepoError> {
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        let created = time.bound(insert_first(connection, &key).map_err(repo_error)).await?;
        lease.done();
        Ok(created)
    }

    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, RepoError> {
        self.parts.api_key_reads.find(id.clone()).await
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, RepoError> {
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        let keys = query_as!(
            KeyRow,
            "select tenant_id, key_id, name, scopes, customer_id, created_at, expires_at, revoked_at, last_used_at
            from api_keys
            where tenant_id = $1
            order by created_at desc, key_id",
            tenant.as_str(),
        );
        let rows = time.bound(keys.fetch_all(connection).map_err(repo_error)).await?;
        lease.done();
        rows.into_iter().map(|row| row.into_key_of(tenant)).collect()
    }

    async fn revoke_key(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<ApiKey>, RepoError> {
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        let revoked = query_as!(
            KeyRow,
            "update api_keys set revoked_at = coalesce(revoked_at, now())
            where tenant_id = $1 and key_id = $2
            returning tenant_id, key_id, name, scopes, customer_id, created_at, expires_at, revoked_at, last_used_at",
            tenant.as_str(),
            id.as_str(),
        );
        let row = time.bound(revoked.fetch_optional(connection).map_err(repo_error)).await?;
        lease.done();
        row.map(|row| row.into_key_of(tenant)).transpose()
    }

    async fn rotate_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        hash: SecretHash,
        overlap: Duration,
    ) -> Result<Option<ApiKey>, RepoError> {
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        let rotated = query_as!(
            KeyRow,
            "update api_keys
            set secret_hash = $3, previous_hash = secret_hash, previous_until = now() + make_interval(secs => $4)
            where tenant_id = $1 and key_id = $2 and revoked_at is null
            returning tenant_id, key_id, name, scopes, customer_id, created_at, expires_at, revoked_at, last_used_at",
            tenant.as_str(),
            id.as_str(),
            hash.as_slice(),
            overlap.as_secs_f64(),
        );
        let row = time.bound(rotated.fetch_optional(connection).map_err(repo_error)).await?;
        lease.done();
        row.map(|row| row.into_key_of(tenant)).transpose()
    }

    async fn record_uses(&self, uses: &[(KeyId, Duration)]) -> Result<(), RepoError> {
        let ids: Vec<&str> = uses.iter().map(|(id, _)| id.as_str()).collect();
        let ages: Vec<f64> = uses.iter().map(|(_, age)| age.as_secs_f64()).collect();
        let mut lease = self.parts.locking.take().await?;
        let (connection, mut time) = lease.parts();
        // By the clock of the database. Locked in one order, so that two instances cannot deadlock.
        let recorded = query!(
            "with used as (
                select k.key_id, u.age
                from (select unnest($1::text[]) as key_id, unnest($2::float8[]) as age) as u
                join api_keys k on k.key_id = u.key_id
                order by k.key_id
                for no key update of k
            )
            update api_keys k
            set last_used_at = greatest(k.last_used_at, date_trunc('minute', now() - make_interval(secs => u.age)))
            from used u
            where k.key_id = u.key_id",
            &ids as &[&str],
            &ages,
        );
        time.bound(recorded.execute(connection).map_err(repo_error)).await?;
        lease.done();
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection, key: &NewApiKey) -> sqlx::Result<KeyRow> {
    let NewApiKey { id, hash, tenant, name, scopes, customer, expires_at } = key;
    let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    query_as!(
        KeyRow,
        "insert into api_keys (tenant_id, key_id, name, scopes, customer_id, secret_hash, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        returning tenant_id, key_id, name, scopes, customer_id, created_at, expires_at, revoked_at, last_used_at",
        tenant.as_str(),
        id.as_str(),
        name.as_str(),
        &scopes as &[&str],
        customer.as_ref().map(CustomerId::as_str),
        hash.as_slice(),
        *expires_at,
    )
    .fetch_one(connection)
    .await
}

/// Returns whether there was none.
async fn insert_first(connection: &mut PgConnection, key: &NewApiKey) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    // Another instance waits here, and then sees this key. Readers do not wait.
    query!("lock table api_keys in share row exclusive mode").execute(&mut *transaction).await?;
    let found = query!(r#"select exists (select from api_keys) as "any!""#).fetch_one(&mut *transaction).await?;
    if !found.any {
        insert(&mut transaction, key).await?;
    }
    transaction.commit().await?;
    Ok(!found.any)
}
