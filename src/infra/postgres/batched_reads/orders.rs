use std::iter;

use sqlx::{PgConnection, query_as};

use crate::{
    app::RepoError,
    domain::{OrderId, OrderState, TenantId},
    infra::postgres::{
        errors::repo_error,
        row_tenant::check_tenant,
        rows::{OrderRow, ReadOrder, number_to_store},
    },
};

use super::batcher::BatchedRead;

/// Finds orders and their lines.
pub(crate) enum OrderRead {}

pub(crate) struct OrderName {
    pub(crate) tenant: TenantId,
    pub(crate) id: OrderId,
    /// The version that the caller has already. Its lines are not read again if it is still the current one.
    pub(crate) known: Option<u32>,
}

pub(crate) enum FoundOrder {
    NotFound,
    Unchanged,
    Order(ReadOrder),
}

impl BatchedRead for OrderRead {
    type Name = OrderName;
    type Found = FoundOrder;

    fn tenant(name: &OrderName) -> &str {
        name.tenant.as_str()
    }

    async fn find(
        connection: &mut PgConnection,
        names: &[&OrderName],
    ) -> Result<Vec<Result<FoundOrder, RepoError>>, RepoError> {
        let tenants: Vec<&str> = names.iter().map(|name| name.tenant.as_str()).collect();
        let ids: Vec<_> = names.iter().map(|name| name.id.as_uuid()).collect();
        let known = names.iter().map(|name| name.known.map(number_to_store).transpose());
        let known: Vec<Option<i32>> = known.collect::<Result<_, _>>()?;
        // One statement sees one snapshot: the lines belong to the version of the order.
        let rows = query_as!(
            OrderRow,
            r#"select w.n as "n!", o.tenant_id, o.customer_id, o.status, o.currency, o.last_line, o.version, o.created_at, o.updated_at,
                i.line as "line?", i.sku as "sku?", i.name as "name?", i.quantity as "quantity?", i.unit_price as "unit_price?"
            from (
                select unnest($1::text[]) as tenant_id, unnest($2::uuid[]) as order_id, unnest($3::int[]) as known,
                    generate_subscripts($1::text[], 1) as n
            ) as w
            join orders o on o.tenant_id = w.tenant_id and o.order_id = w.order_id
            left join order_items i on i.tenant_id = o.tenant_id and i.order_id = o.order_id
                and o.version is distinct from w.known
            order by w.n, i.line"#,
            &tenants as &[&str],
            &ids,
            &known as &[Option<i32>],
        )
        .fetch_all(connection)
        .await
        .map_err(repo_error)?;
        let mut rows = rows.into_iter().peekable();
        let found = |((n, name), known): ((i32, &&OrderName), Option<i32>)| {
            let of_order: Vec<OrderRow> = iter::from_fn(|| rows.next_if(|row| row.n == n)).collect();
            match of_order.first() {
                None => Ok(FoundOrder::NotFound),
                Some(row) if known == Some(row.version) => {
                    check_tenant(&name.tenant, &row.tenant_id).map(|()| FoundOrder::Unchanged)
                }
                Some(_) => Ok(ReadOrder::from_rows(&name.tenant, name.id, of_order)?
                    .map_or(FoundOrder::NotFound, FoundOrder::Order)),
            }
        };
        Ok((1..).zip(names).zip(known).map(found).collect())
    }
}

/// Reads one order on this connection.
pub(crate) async fn select_order(
    connection: &mut PgConnection,
    tenant: &TenantId,
    id: OrderId,
) -> Result<Option<OrderState>, RepoError> {
    let found = OrderRead::find(connection, &[&OrderName { tenant: tenant.clone(), id, known: None }]).await?;
    match found.into_iter().next() {
        Some(Ok(FoundOrder::Order(order))) => order.into_state().map(Some),
        Some(Err(error)) => Err(error),
        Some(Ok(FoundOrder::NotFound | FoundOrder::Unchanged)) | None => Ok(None),
    }
}
