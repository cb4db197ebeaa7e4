use sqlx::{PgConnection, query};

use crate::{
    app::{RepoError, SecretHash, StoredKey},
    domain::KeyId,
    infra::postgres::{
        errors::{corrupt, repo_error},
        key_row::KeyRow,
    },
};

use super::batcher::BatchedRead;

/// Finds API keys by their ids. Callers who guess keys share statements, so they cannot take the connections of others.
pub(crate) enum ApiKeyRead {}

impl BatchedRead for ApiKeyRead {
    type Name = KeyId;
    type Found = Option<StoredKey>;

    /// Nobody is known before the key is.
    fn tenant(_id: &KeyId) -> &'static str {
        ""
    }

    async fn find(
        connection: &mut PgConnection,
        names: &[&KeyId],
    ) -> Result<Vec<Result<Option<StoredKey>, RepoError>>, RepoError> {
        let ids: Vec<&str> = names.iter().map(|id| id.as_str()).collect();
        let rows = query!(
            r#"select w.n as "n!", k.tenant_id, k.key_id, k.name, k.scopes, k.customer_id, k.created_at, k.expires_at,
                k.revoked_at, k.last_used_at, k.secret_hash,
                case when k.previous_until > now() then k.previous_hash end as previous_hash,
                k.revoked_at is null and coalesce(k.expires_at > now(), true) as "is_valid!"
            from (select unnest($1::text[]) as key_id, generate_subscripts($1::text[], 1) as n) as w
            join api_keys k on k.key_id = w.key_id
            order by w.n"#,
            &ids as &[&str],
        )
        .fetch_all(connection)
        .await
        .map_err(repo_error)?;
        let mut rows = rows.into_iter().peekable();
        let found = |n: i32| {
            let Some(row) = rows.next_if(|row| row.n == n) else { return Ok(None) };
            let mut hashes: Vec<SecretHash> = Vec::new();
            for hash in [Some(row.secret_hash), row.previous_hash].into_iter().flatten().filter(|_| row.is_valid) {
                hashes.push(hash.as_slice().try_into().map_err(corrupt)?);
            }
            let key = KeyRow {
                tenant_id: row.tenant_id,
                key_id: row.key_id,
                name: row.name,
                scopes: row.scopes,
                customer_id: row.customer_id,
                created_at: row.created_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
                last_used_at: row.last_used_at,
            };
            Ok(Some(StoredKey { key: key.try_into()?, hashes }))
        };
        Ok((1..).zip(names).map(|(n, _)| n).map(found).collect())
    }
}
