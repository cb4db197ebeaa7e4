use std::collections::BTreeMap;

use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::{
    app::RepoError,
    domain::{OrderEventKind, Price, ProductName, Quantity, Sku},
    infra::postgres::errors::repo_error,
};

use super::columns::{TenantChanges, column, numbers};

/// Tenant, order and line. A line number is never reused: a line that was removed does not come back.
pub(super) type LineName<'a> = (&'a str, Uuid, u32);

pub(super) struct Added<'a> {
    pub(super) line: LineName<'a>,
    pub(super) sku: &'a Sku,
    pub(super) name: &'a ProductName,
    pub(super) quantity: Quantity,
    pub(super) unit_price: Price,
}

/// The net effect of the events on the lines of their orders. Lines without an event are not touched.
pub(super) struct ItemChanges<'a> {
    pub(super) added: Vec<Added<'a>>,
    quantities: Vec<(LineName<'a>, Quantity)>,
    removed: Vec<LineName<'a>>,
}

impl<'a> ItemChanges<'a> {
    pub(super) fn from_events(changes: &[TenantChanges<'a>]) -> Self {
        let (mut added, mut quantities, mut removed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let events =
            changes.iter().flat_map(|(tenant, changes)| changes.events.iter().map(move |event| (tenant, event)));
        for (tenant, event) in events {
            let line = |number: u32| (tenant.as_str(), event.order_id.as_uuid(), number);
            match &event.kind {
                // They change the columns of the order only.
                OrderEventKind::OrderCreated { .. }
                | OrderEventKind::OrderPlaced
                | OrderEventKind::OrderCancelled { .. }
                | OrderEventKind::OrderFulfilled => {}
                OrderEventKind::ItemAdded { line: number, sku, name, quantity, unit_price } => {
                    let (line, quantity, unit_price) = (line(*number), *quantity, *unit_price);
                    added.insert(line, Added { line, sku, name, quantity, unit_price });
                }
                OrderEventKind::QuantityChanged { line: number, quantity } => match added.get_mut(&line(*number)) {
                    Some(added) => added.quantity = *quantity,
                    None => drop(quantities.insert(line(*number), *quantity)),
                },
                OrderEventKind::ItemRemoved { line: number } => {
                    if added.remove(&line(*number)).is_none() {
                        quantities.remove(&line(*number));
                        removed.push(line(*number));
                    }
                }
            }
        }
        Self { added: added.into_values().collect(), quantities: quantities.into_iter().collect(), removed }
    }

    /// Writes the changed quantities and the removals. `Inserts` writes the added lines.
    pub(super) async fn update(&self, connection: &mut PgConnection) -> Result<(), RepoError> {
        update_quantities(connection, &self.quantities).await?;
        delete_lines(connection, &self.removed).await
    }
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
