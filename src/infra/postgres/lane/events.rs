use sqlx::{PgConnection, query_scalar};

use crate::{
    app::RepoError,
    infra::{
        event_data,
        postgres::errors::{corrupt, repo_error},
    },
};

use super::batch::{Owned, column, numbers};

/// Appends the events with their positions, in the order of the changes; the first of these. The head's lock comes last and is
/// held for one commit: positions are dense and in the order of the commits.
pub(super) async fn append_events(
    connection: &mut PgConnection,
    changes: &[Owned<'_>],
) -> Result<Option<u64>, RepoError> {
    let events = changes.iter().flat_map(|(tenant, changes)| changes.events.iter().map(move |event| (*tenant, event)));
    let rows: Vec<_> = events.collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let payloads: Vec<String> =
        rows.iter().map(|(_, event)| event_data::encode(&event.fact).map_err(corrupt)).collect::<Result<_, _>>()?;
    let first = query_scalar!(
        r#"with head as (
            update event_head
            set position = position + cardinality($2::uuid[])
            returning position - cardinality($2::uuid[]) as base
        ), appended as (
            insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
            select head.base + e.n, e.event_id, e.tenant_id, e.order_id, e.version, e.type, e.payload::jsonb, e.occurred_at
            from head, (
                select unnest($1::text[]) as tenant_id, unnest($2::uuid[]) as event_id, unnest($3::uuid[]) as order_id,
                    unnest($4::int[]) as version, unnest($5::text[]) as type, unnest($6::text[]) as payload,
                    unnest($7::timestamptz[]) as occurred_at, generate_subscripts($2::uuid[], 1) as n
            ) as e
        )
        select base + 1 as "first!" from head"#,
        &column(&rows, |(tenant, _)| tenant.as_str()) as &[&str],
        &column(&rows, |(_, event)| event.event_id),
        &column(&rows, |(_, event)| event.order_id.as_uuid()),
        &numbers(&rows, |(_, event)| event.version)?,
        &column(&rows, |(_, event)| event.fact.event_type()) as &[&str],
        &payloads,
        &column(&rows, |(_, event)| event.occurred_at),
    )
    .fetch_one(connection)
    .await
    .map_err(repo_error)?;
    u64::try_from(first).map(Some).map_err(corrupt)
}
