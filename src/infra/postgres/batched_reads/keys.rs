use std::iter;

use sqlx::{PgConnection, query};

use crate::{
    app::{Outcome, Recorded, RepoError},
    domain::{OrderId, TenantId},
    infra::postgres::{
        errors::{corrupt, repo_error},
        row_tenant::check_tenant,
        rows::number,
    },
};

use super::batcher::BatchedRead;

/// Finds the outcomes of the requests that were executed under a key.
pub(crate) enum KeyRead {}

/// A key of one caller of one tenant.
pub(crate) struct KeyName {
    pub(crate) tenant: TenantId,
    pub(crate) caller: String,
    pub(crate) key: String,
}

impl BatchedRead for KeyRead {
    type Name = KeyName;
    type Found = Option<Recorded>;

    fn tenant(name: &KeyName) -> &str {
        name.tenant.as_str()
    }

    async fn find(
        connection: &mut PgConnection,
        names: &[&KeyName],
    ) -> Result<Vec<Result<Option<Recorded>, RepoError>>, RepoError> {
        let tenants: Vec<&str> = names.iter().map(|name| name.tenant.as_str()).collect();
        let callers: Vec<&str> = names.iter().map(|name| name.caller.as_str()).collect();
        let keys: Vec<&str> = names.iter().map(|name| name.key.as_str()).collect();
        let rows = query!(
            r#"select w.n as "n!", k.tenant_id, k.item, k.fingerprint, k.order_id, k.version
            from (
                select unnest($1::text[]) as tenant_id, unnest($2::text[]) as caller, unnest($3::text[]) as key,
                    generate_subscripts($1::text[], 1) as n
            ) as w
            join idempotency_keys k on k.tenant_id = w.tenant_id and k.caller = w.caller and k.key = w.key
            order by w.n, k.item"#,
            &tenants as &[&str],
            &callers as &[&str],
            &keys as &[&str],
        )
        .fetch_all(connection)
        .await
        .map_err(repo_error)?;
        let mut rows = rows.into_iter().peekable();
        let recorded = |(n, name): (i32, &&KeyName)| {
            let of_key: Vec<_> = iter::from_fn(|| rows.next_if(|row| row.n == n)).collect();
            let Some(first) = of_key.first() else { return Ok(None) };
            check_tenant(&name.tenant, &first.tenant_id)?;
            let fingerprint = first.fingerprint.as_slice().try_into().map_err(corrupt)?;
            let outcomes = of_key.iter().map(|row| {
                let order_id = OrderId::from_uuid(row.order_id);
                Ok(Outcome { batch_index: number(row.item)?, order_id, version: number(row.version)? })
            });
            Ok(Some(Recorded { fingerprint, outcomes: outcomes.collect::<Result<_, RepoError>>()? }))
        };
        Ok((1..).zip(names).map(recorded).collect())
    }
}
