use std::collections::BTreeMap;

use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::{
    app::RepoError,
    domain::{Fact, Price, ProductName, Quantity, Sku},
    infra::postgres::errors::repo_error,
};

use super::batch::{Owned, column, numbers};

/// Names a line. Its number is never given twice: a line that is gone does not come back.
type LineName<'a> = (&'a str, Uuid, u32);

struct Added<'a> {
    line: LineName<'a>,
    sku: &'a Sku,
    name: &'a ProductName,
    quantity: Quantity,
    unit_price: Price,
}

/// Writes what the events say of lines. Lines that they do not speak of are not touched.
pub(super) async fn write_lines(connection: &mut PgConnection, changes: &[Owned<'_>]) -> Result<(), RepoError> {
    let (mut added, mut quantities, mut removed) = (Vec::new(), BTreeMap::new(), Vec::new());
    let events = changes.iter().flat_map(|(tenant, changes)| changes.events.iter().map(move |event| (tenant, event)));
    for (tenant, event) in events {
        let line = |number: u32| (tenant.as_str(), event.order_id.as_uuid(), number);
        match &event.fact {
            // All that these say is in the order's own columns.
            Fact::OrderCreated { .. } | Fact::OrderPlaced | Fact::OrderCancelled { .. } | Fact::OrderFulfilled => {}
            Fact::ItemAdded { line: number, sku, name, quantity, unit_price } => {
                let (line, quantity, unit_price) = (line(*number), *quantity, *unit_price);
                added.push(Added { line, sku, name, quantity, unit_price });
            }
            // The last one counts.
            Fact::QuantityChanged { line: number, quantity } => drop(quantities.insert(line(*number), *quantity)),
            Fact::ItemRemoved { line: number } => removed.push(line(*number)),
        }
    }
    let quantities: Vec<_> = quantities.into_iter().collect();
    // In this order: what was added may have been changed, and what was changed removed.
    insert_lines(connection, &added).await?;
    update_quantities(connection, &quantities).await?;
    delete_lines(connection, &removed).await
}

async fn insert_lines(connection: &mut PgConnection, added: &[Added<'_>]) -> Result<(), RepoError> {
    if added.is_empty() {
        return Ok(());
    }
    query!(
        "insert into order_items (tenant_id, order_id, line, sku, name, quantity, unit_price)
        select unnest($1::text[]), unnest($2::uuid[]), unnest($3::int[]), unnest($4::text[]), unnest($5::text[]),
            unnest($6::int[]), unnest($7::numeric[])",
        &column(added, |added| added.line.0) as &[&str],
        &column(added, |added| added.line.1),
        &numbers(added, |added| added.line.2)?,
        &column(added, |added| added.sku.as_str()) as &[&str],
        &column(added, |added| added.name.as_str()) as &[&str],
        &column(added, |added| i32::from(added.quantity.get())),
        &column(added, |added| added.unit_price.value()),
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

async fn update_quantities(
    connection: &mut PgConnection,
    changed: &[(LineName<'_>, Quantity)],
) -> Result<(), RepoError> {
    if changed.is_empty() {
        return Ok(());
    }
    query!(
        "update order_items i
        set quantity = c.quantity
        from unnest($1::text[], $2::uuid[], $3::int[], $4::int[]) as c (tenant_id, order_id, line, quantity)
        where i.tenant_id = c.tenant_id and i.order_id = c.order_id and i.line = c.line",
        &column(changed, |(line, _)| line.0) as &[&str],
        &column(changed, |(line, _)| line.1),
        &numbers(changed, |(line, _)| line.2)?,
        &column(changed, |(_, quantity)| i32::from(quantity.get())),
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

async fn delete_lines(connection: &mut PgConnection, removed: &[LineName<'_>]) -> Result<(), RepoError> {
    if removed.is_empty() {
        return Ok(());
    }
    query!(
        "delete from order_items i
        using unnest($1::text[], $2::uuid[], $3::int[]) as r (tenant_id, order_id, line)
        where i.tenant_id = r.tenant_id and i.order_id = r.order_id and i.line = r.line",
        &column(removed, |line| line.0) as &[&str],
        &column(removed, |line| line.1),
        &numbers(removed, |line| line.2)?,
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}
