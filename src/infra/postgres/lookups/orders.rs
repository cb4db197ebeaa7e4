use sqlx::{PgConnection, query_as};

use crate::{
    app::RepoError,
    domain::{OrderId, OrderState, TenantId},
    infra::postgres::{
        errors::repo_error,
        rows::{OrderRow, order_state},
    },
};

use super::Lookup;

/// Finds orders with their lines.
pub(in super::super) enum OrderLookup {}

pub(in super::super) type OrderName = (TenantId, OrderId);

impl Lookup for OrderLookup {
    type Name = OrderName;
    type Found = Option<OrderState>;

    async fn find(
        connection: &mut PgConnection,
        names: &[&OrderName],
    ) -> Result<Vec<Result<Option<OrderState>, RepoError>>, RepoError> {
        let tenants: Vec<&str> = names.iter().map(|(tenant, _)| tenant.as_str()).collect();
        let ids: Vec<_> = names.iter().map(|(_, id)| id.as_uuid()).collect();
        // One statement: an order and its lines are of one moment.
        let rows = query_as!(
            OrderRow,
            r#"select w.n as "n!", o.customer_id, o.status, o.currency, o.last_line, o.version, o.created_at, o.updated_at,
                i.line as "line?", i.sku as "sku?", i.name as "name?", i.quantity as "quantity?", i.unit_price as "unit_price?"
            from unnest($1::text[], $2::uuid[]) with ordinality as w (tenant_id, order_id, n)
            join orders o on o.tenant_id = w.tenant_id and o.order_id = w.order_id
            left join order_items i on i.tenant_id = o.tenant_id and i.order_id = o.order_id
            order by w.n, i.line"#,
            &tenants as &[&str],
            &ids,
        )
        .fetch_all(connection)
        .await
        .map_err(repo_error)?;
        let mut rows = rows.into_iter().peekable();
        let order = |(n, (_, id)): (i64, &&OrderName)| {
            let of_order = std::iter::from_fn(|| rows.next_if(|row| row.n == n)).collect();
            order_state(*id, of_order)
        };
        Ok((1..).zip(names).map(order).collect())
    }
}

/// One order by a connection of the caller's.
pub(in super::super) async fn select_order(
    connection: &mut PgConnection,
    tenant: &TenantId,
    id: OrderId,
) -> Result<Option<OrderState>, RepoError> {
    let found = OrderLookup::find(connection, &[&(tenant.clone(), id)]).await?;
    found.into_iter().next().unwrap_or(Ok(None))
}
