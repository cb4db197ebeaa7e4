use std::collections::HashSet;

use sqlx::{PgConnection, query_scalar};

use crate::{app::RepoError, infra::postgres::errors::repo_error};

use super::{
    change_set::ChangeSet,
    columns::{TenantChanges, column, numbers},
};

/// An order of the batch that existed before.
#[derive(Clone, Copy)]
pub(super) struct UpdatedOrder {
    /// The index of its change set in the batch.
    pub(super) set: usize,
    pub(super) is_written: bool,
}

/// Updates each order that is still at the version that was read; the other ones have lost a race. The statement skips
/// locked orders and does not wait for them: whoever holds the lock is about to write another version.
pub(super) async fn update_orders(
    connection: &mut PgConnection,
    sets: &[&ChangeSet],
) -> Result<Vec<UpdatedOrder>, RepoError> {
    let changes = sets.iter().enumerate().flat_map(|(set, changes)| changes.tenant_changes().map(move |c| (set, c)));
    let mut rows: Vec<(usize, TenantChanges<'_>)> = changes.filter(|(_, (_, changes))| changes.read_at() > 0).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    rows.sort_unstable_by_key(|(_, (tenant, changes))| (*tenant, changes.state.order_id));
    let states = column(&rows, |(_, (_, changes))| &changes.state);
    let written = query_scalar!(
        r#"with locked as (
            select c.*
            from (
                select unnest($1::text[]) as tenant_id, unnest($2::uuid[]) as order_id, unnest($3::int[]) as read_at,
                    unnest($4::text[]) as status, unnest($5::int[]) as items_count, unnest($6::int[]) as units_count,
                    unnest($7::numeric[]) as total_amount, unnest($8::int[]) as last_line, unnest($9::int[]) as version,
                    unnest($10::timestamptz[]) as updated_at, generate_subscripts($2::uuid[], 1) as n
            ) as c
            join orders o on o.tenant_id = c.tenant_id and o.order_id = c.order_id and o.version = c.read_at
            for no key update of o skip locked
        )
        update orders o
        set status = l.status, items_count = l.items_count, units_count = l.units_count, total_amount = l.total_amount,
            last_line = l.last_line, version = l.version, updated_at = l.updated_at
        from locked l
        where o.tenant_id = l.tenant_id and o.order_id = l.order_id
        returning l.n as "n!""#,
        &column(&rows, |(_, (tenant, _))| tenant.as_str()) as &[&str],
        &column(&states, |state| state.order_id.as_uuid()),
        &numbers(&rows, |(_, (_, changes))| changes.read_at())?,
        &column(&states, |state| state.status.as_str()) as &[&str],
        &numbers(&states, |state| state.items_count())?,
        &numbers(&states, |state| state.units_count())?,
        &column(&states, |state| state.total_amount().value()),
        &numbers(&states, |state| state.last_line)?,
        &numbers(&states, |state| state.version)?,
        &column(&states, |state| state.updated_at),
    )
    .fetch_all(connection)
    .await
    .map_err(repo_error)?;
    let written: HashSet<i32> = written.into_iter().collect();
    Ok((1..).zip(&rows).map(|(n, (set, _))| UpdatedOrder { set: *set, is_written: written.contains(&n) }).collect())
}
