use std::{fmt, sync::Arc};

use rust_decimal::Decimal;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    app::{Changes, KeyRecord, Lock, OrderRepo, RepoError},
    domain::{Fact, Order, OrderId, OrderState, Price, ProductName, Quantity, Sku, TenantId},
    infra::{event_data, metrics::Metrics},
};

use super::{
    errors::{corrupt, repo_error},
    keys,
    queries::select_order,
    rows::number_to_store,
};

/// One open transaction of one tenant.
pub struct PgOrderRepo {
    transaction: Transaction<'static, Postgres>,
    tenant: TenantId,
    committed: Arc<Notify>,
    metrics: Option<Metrics>,
    /// The types of the events that were appended.
    appended: Vec<&'static str>,
}

impl PgOrderRepo {
    pub(super) const fn new(
        transaction: Transaction<'static, Postgres>,
        tenant: TenantId,
        committed: Arc<Notify>,
        metrics: Option<Metrics>,
    ) -> Self {
        Self { transaction, tenant, committed, metrics, appended: Vec::new() }
    }
}

impl OrderRepo for PgOrderRepo {
    async fn find(&mut self, id: OrderId, lock: Lock) -> Result<Option<Order>, RepoError> {
        // A statement of its own: what follows then sees all that was committed while this one waited.
        if lock == Lock::Write {
            lock_order(&mut self.transaction, &self.tenant, id).await?;
        }
        let state = select_order(&mut *self.transaction, &self.tenant, id).await?;
        Ok(state.map(Order::restore))
    }

    async fn apply(&mut self, changes: &Changes) -> Result<(), RepoError> {
        let state = &changes.state;
        if changes.read_at() == 0 {
            insert_order(&mut self.transaction, &self.tenant, state).await?;
        } else {
            update_order(&mut self.transaction, &self.tenant, state, changes.read_at()).await?;
        }
        let mut added = AddedItems::default();
        for event in &changes.events {
            match &event.fact {
                // All that these say is in the order's own columns.
                Fact::OrderCreated { .. } | Fact::OrderPlaced | Fact::OrderCancelled { .. } | Fact::OrderFulfilled => {}
                Fact::ItemAdded { line, sku, name, quantity, unit_price } => {
                    added.push(*line, sku, name, *quantity, *unit_price)?;
                }
                Fact::QuantityChanged { line, quantity } => {
                    let added = std::mem::take(&mut added);
                    added.insert(&mut self.transaction, &self.tenant, state.order_id).await?;
                    update_quantity(&mut self.transaction, &self.tenant, state.order_id, *line, *quantity).await?;
                }
                Fact::ItemRemoved { line } => {
                    let added = std::mem::take(&mut added);
                    added.insert(&mut self.transaction, &self.tenant, state.order_id).await?;
                    delete_item(&mut self.transaction, &self.tenant, state.order_id, *line).await?;
                }
            }
        }
        added.insert(&mut self.transaction, &self.tenant, state.order_id).await
    }

    async fn remember(&mut self, record: &KeyRecord) -> Result<(), RepoError> {
        keys::remember(&mut self.transaction, &self.tenant, record).await
    }

    async fn append(&mut self, written: &[Changes]) -> Result<(), RepoError> {
        let events: Vec<_> = written.iter().flat_map(|changes| &changes.events).collect();
        let mut payloads = Vec::with_capacity(events.len());
        let mut versions = Vec::with_capacity(events.len());
        for event in &events {
            payloads.push(event_data::encode(&event.fact).map_err(corrupt)?);
            versions.push(number_to_store(event.version)?);
        }
        let event_ids: Vec<Uuid> = events.iter().map(|event| event.event_id).collect();
        let order_ids: Vec<Uuid> = events.iter().map(|event| event.order_id.as_uuid()).collect();
        let types: Vec<&'static str> = events.iter().map(|event| event.fact.event_type()).collect();
        let times: Vec<_> = events.iter().map(|event| event.occurred_at).collect();
        sqlx::query!(
            r#"with head as (
                update event_head
                set position = position + cardinality($2::uuid[])
                returning position - cardinality($2::uuid[]) as base
            )
            insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
            select head.base + e.n, e.event_id, $1, e.order_id, e.version, e.type, e.payload::jsonb, e.occurred_at
            from head, unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::timestamptz[])
                with ordinality as e (event_id, order_id, version, type, payload, occurred_at, n)"#,
            self.tenant.as_str(),
            &event_ids,
            &order_ids,
            &versions,
            &types as &[&str],
            &payloads,
            &times,
        )
        .execute(&mut *self.transaction)
        .await
        .map_err(repo_error)?;
        self.appended = types;
        Ok(())
    }

    async fn commit(self) -> Result<(), RepoError> {
        self.transaction.commit().await.map_err(repo_error)?;
        self.committed.notify_one();
        if let Some(metrics) = &self.metrics {
            metrics.committed(&self.appended);
        }
        Ok(())
    }
}

impl fmt::Debug for PgOrderRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOrderRepo").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

async fn lock_order(connection: &mut PgConnection, tenant: &TenantId, id: OrderId) -> Result<(), RepoError> {
    sqlx::query!(
        "select version from orders where tenant_id = $1 and order_id = $2 for no key update",
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

async fn insert_order(connection: &mut PgConnection, tenant: &TenantId, state: &OrderState) -> Result<(), RepoError> {
    sqlx::query!(
        "insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount,
            last_line, version, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        tenant.as_str(),
        state.order_id.as_uuid(),
        state.customer_id.as_str(),
        state.status.as_str(),
        state.currency.code(),
        number_to_store(state.items_count())?,
        number_to_store(state.units_count())?,
        state.total_amount().value(),
        number_to_store(state.last_line)?,
        number_to_store(state.version)?,
        state.created_at,
        state.updated_at,
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

/// Guarded by the version that was read: who finds another one has lost the race.
async fn update_order(
    connection: &mut PgConnection,
    tenant: &TenantId,
    state: &OrderState,
    read_at: u32,
) -> Result<(), RepoError> {
    let updated = sqlx::query!(
        "update orders
        set status = $4, items_count = $5, units_count = $6, total_amount = $7, last_line = $8, version = $9, updated_at = $10
        where tenant_id = $1 and order_id = $2 and version = $3",
        tenant.as_str(),
        state.order_id.as_uuid(),
        number_to_store(read_at)?,
        state.status.as_str(),
        number_to_store(state.items_count())?,
        number_to_store(state.units_count())?,
        state.total_amount().value(),
        number_to_store(state.last_line)?,
        number_to_store(state.version)?,
        state.updated_at,
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(RepoError::Conflict) }
}

async fn update_quantity(
    connection: &mut PgConnection,
    tenant: &TenantId,
    order_id: OrderId,
    line: u32,
    quantity: Quantity,
) -> Result<(), RepoError> {
    sqlx::query!(
        "update order_items set quantity = $4 where tenant_id = $1 and order_id = $2 and line = $3",
        tenant.as_str(),
        order_id.as_uuid(),
        number_to_store(line)?,
        i32::from(quantity.get()),
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

async fn delete_item(
    connection: &mut PgConnection,
    tenant: &TenantId,
    order_id: OrderId,
    line: u32,
) -> Result<(), RepoError> {
    sqlx::query!(
        "delete from order_items where tenant_id = $1 and order_id = $2 and line = $3",
        tenant.as_str(),
        order_id.as_uuid(),
        number_to_store(line)?,
    )
    .execute(connection)
    .await
    .map_err(repo_error)?;
    Ok(())
}

/// The lines that a change added, column by column: one statement writes them all.
#[derive(Default)]
struct AddedItems<'a> {
    lines: Vec<i32>,
    skus: Vec<&'a str>,
    names: Vec<&'a str>,
    quantities: Vec<i32>,
    unit_prices: Vec<Decimal>,
}

impl<'a> AddedItems<'a> {
    fn push(
        &mut self,
        line: u32,
        sku: &'a Sku,
        name: &'a ProductName,
        quantity: Quantity,
        unit_price: Price,
    ) -> Result<(), RepoError> {
        self.lines.push(number_to_store(line)?);
        self.skus.push(sku.as_str());
        self.names.push(name.as_str());
        self.quantities.push(quantity.get().into());
        self.unit_prices.push(unit_price.value());
        Ok(())
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        tenant: &TenantId,
        order_id: OrderId,
    ) -> Result<(), RepoError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "insert into order_items (tenant_id, order_id, line, sku, name, quantity, unit_price)
            select $1, $2, i.line, i.sku, i.name, i.quantity, i.unit_price
            from unnest($3::int[], $4::text[], $5::text[], $6::int[], $7::numeric[])
                as i (line, sku, name, quantity, unit_price)",
            tenant.as_str(),
            order_id.as_uuid(),
            &self.lines,
            &self.skus as &[&str],
            &self.names as &[&str],
            &self.quantities,
            &self.unit_prices,
        )
        .execute(connection)
        .await
        .map_err(repo_error)?;
        Ok(())
    }
}
