use futures_util::TryFutureExt;
use sqlx::{PgConnection, query_as, query_scalar};
use time::OffsetDateTime;

use crate::{
    app::{AsOf, HistoricalOrder, ListOrders, OrderDetails, OrderFilter, OrderQueries, OrderSummary, RepoError},
    domain::{CustomerId, Order, OrderId, Status, TenantId},
};

use super::{
    PgStore,
    connection::StatementTime,
    errors::{corrupt, repo_error},
    rows::{EventRow, ReadOrder, SummaryRow, number_to_store},
};

/// A page of summaries, newest first. Each set of filters has a statement of its own, which PostgreSQL plans for one index.
macro_rules! page {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            SummaryRow,
            "select tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, version,
                created_at, updated_at
            from orders
            where tenant_id = $1 and order_id >= $2 and order_id < $3 " + $filter + "
            order by order_id desc
            limit $4",
            $($argument),+
        )
    };
}

/// The same of all orders. PostgreSQL plans for ten per cent of the rows that an unknown limit might let through. The inner
/// limit is known, so that is ten per cent of the largest page: few enough to keep one plan for all calls.
macro_rules! page_of_all {
    ($($argument:expr),+) => {
        query_as!(
            SummaryRow,
            "select *
            from (
                select tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, version,
                    created_at, updated_at
                from orders
                where tenant_id = $1 and order_id >= $2 and order_id < $3
                order by order_id desc
                limit 201
            ) as page
            limit $4",
            $($argument),+
        )
    };
}

// `ListOrders` requests one order more than a page has.
const _: () =
    assert!(ListOrders::<()>::MAX_LIMIT + 1 == 201, "the inner limit of page_of_all! is the largest page and one");

macro_rules! count {
    ($filter:literal, $($argument:expr),+) => {
        query_scalar!(
            r#"select count(*) as "count!" from orders
            where tenant_id = $1 and order_id >= $2 and order_id < $3 "# + $filter,
            $($argument),+
        )
    };
}

impl OrderQueries for PgStore {
    async fn order(&self, tenant: &TenantId, id: OrderId) -> Result<Option<OrderDetails>, RepoError> {
        Ok(self.read_order(tenant, id, None).await?.map(ReadOrder::into_details))
    }

    async fn order_as_of(&self, tenant: &TenantId, id: OrderId, moment: AsOf) -> Result<HistoricalOrder, RepoError> {
        let (version, until) = match moment {
            // A version that the column cannot hold is higher than every stored one.
            AsOf::Version(version) => (Some(number_to_store(version).unwrap_or(i32::MAX)), None),
            AsOf::Time(time) => (None, Some(time)),
        };
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        let events = query_as!(
            EventRow,
            r#"select tenant_id, event_id, version, type as event_type, payload::text as "payload!", occurred_at
            from order_events
            where tenant_id = $1 and order_id = $2 and ($3::int is null or version <= $3)
                and ($4::timestamptz is null or occurred_at <= $4)
            order by version"#,
            tenant.as_str(),
            id.as_uuid(),
            version as Option<i32>,
            until as Option<OffsetDateTime>,
        );
        let rows = time.bound(events.fetch_all(&mut *connection).map_err(repo_error)).await?;
        let is_whole = rows.first().is_some_and(|first| first.version == 1);
        let retired = !is_whole && is_beginning_retired(connection, &mut time, tenant, id).await?;
        lease.done();
        if retired {
            return Ok(HistoricalOrder::Retired);
        }
        let events = rows.into_iter().map(|row| row.into_event_of(tenant, id)).collect::<Result<Vec<_>, _>>()?;
        if !moment.is_reached_by(events.last()) {
            return Ok(HistoricalOrder::NotThen);
        }
        let order = Order::replay(&events).map_err(corrupt)?;
        Ok(HistoricalOrder::Order(order.state().into()))
    }

    async fn count(&self, tenant: &TenantId, filter: &OrderFilter) -> Result<u64, RepoError> {
        let ids = filter.ids();
        let (start, end) = (ids.start.as_uuid(), ids.end.as_uuid());
        let tenant = tenant.as_str();
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        let counted = async {
            match (filter.customer_id.as_ref().map(CustomerId::as_str), filter.status.map(Status::as_str)) {
                (None, None) => count!("", tenant, start, end).fetch_one(connection).await,
                (Some(customer), None) => {
                    count!("and customer_id = $4", tenant, start, end, customer).fetch_one(connection).await
                }
                (None, Some(status)) => {
                    count!("and status = $4", tenant, start, end, status).fetch_one(connection).await
                }
                (Some(customer), Some(status)) => {
                    count!("and customer_id = $4 and status = $5", tenant, start, end, customer, status)
                        .fetch_one(connection)
                        .await
                }
            }
        };
        let count = time.bound(counted.map_err(repo_error)).await?;
        lease.done();
        u64::try_from(count).map_err(corrupt)
    }

    async fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<OrderSummary>, RepoError> {
        let limit = i64::try_from(limit).map_err(corrupt)?;
        let ids = filter.ids();
        let end = before.map_or(ids.end, |before| before.min(ids.end)).as_uuid();
        let start = ids.start.as_uuid();
        let name = tenant.as_str();
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        let page = async {
            match (filter.customer_id.as_ref().map(CustomerId::as_str), filter.status.map(Status::as_str)) {
                (None, None) => page_of_all!(name, start, end, limit).fetch_all(connection).await,
                (Some(customer), None) => {
                    page!("and customer_id = $5", name, start, end, limit, customer).fetch_all(connection).await
                }
                (None, Some(status)) => {
                    page!("and status = $5", name, start, end, limit, status).fetch_all(connection).await
                }
                (Some(customer), Some(status)) => {
                    page!("and customer_id = $5 and status = $6", name, start, end, limit, customer, status)
                        .fetch_all(connection)
                        .await
                }
            }
        };
        let rows = time.bound(page.map_err(repo_error)).await?;
        lease.done();
        rows.into_iter().map(|row| row.into_summary(tenant)).collect()
    }

    async fn ready(&self) -> Result<(), RepoError> {
        self.parts.readiness.check().await
    }
}

/// Whether the order exists but its first event was retired.
async fn is_beginning_retired(
    connection: &mut PgConnection,
    time: &mut StatementTime<'_>,
    tenant: &TenantId,
    id: OrderId,
) -> Result<bool, RepoError> {
    let retired = query_scalar!(
        r#"select (select retired_to > 0 from event_head)
            and exists (select from orders where tenant_id = $1 and order_id = $2)
            and not exists (select from order_events where tenant_id = $1 and order_id = $2 and version = 1) as "retired!""#,
        tenant.as_str(),
        id.as_uuid(),
    );
    time.bound(retired.fetch_one(connection).map_err(repo_error)).await
}
