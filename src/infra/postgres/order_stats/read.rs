use futures_util::TryFutureExt;
use rust_decimal::Decimal;
use sqlx::query_as;
use time::OffsetDateTime;

use crate::{
    app::{DailyFigures, DayFigures, OrderStats, RepoError},
    domain::{Amount, Currency, Status, TenantId},
    infra::postgres::{
        PgStore,
        errors::{corrupt, repo_error},
        row_tenant::check_tenant,
    },
};

impl OrderStats for PgStore {
    async fn order_stats(
        &self,
        tenant: &TenantId,
        days: &[OffsetDateTime],
        status: Option<Status>,
        currency: Option<Currency>,
    ) -> Result<DailyFigures, RepoError> {
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        // One statement, so the position and the figures are of one moment.
        let figures = query_as!(
            FiguresRow,
            r#"select c.position as "position!", s.tenant_id as "tenant_id?", s.day as "day?", s.status as "status?",
                s.currency as "currency?", s.orders as "orders?: i64", s.units as "units?: i64", s.amount as "amount?"
            from (select coalesce((select position from sink_cursors where name = 'order_stats'), 0) as position) as c
            left join (
                select tenant_id, width_bucket(quarter, $2::timestamptz[]) as day, status, currency,
                    sum(orders)::bigint as orders, sum(units)::bigint as units, sum(amount) as amount
                from order_stats
                where tenant_id = $1 and quarter >= $3 and quarter < $4 and ($5::text is null or status = $5)
                    and ($6::text is null or currency = $6)
                group by 1, 2, 3, 4
                having sum(orders) > 0
            ) as s on true
            order by s.day, s.status, s.currency"#,
            tenant.as_str(),
            days,
            days.first().copied(),
            days.last().copied(),
            status.map(Status::as_str),
            currency.map(Currency::code),
        );
        let rows = time.bound(figures.fetch_all(connection).map_err(repo_error)).await?;
        lease.done();
        let position = rows.first().map_or(0, |row| row.position);
        let rows = rows.into_iter().filter_map(|row| row.into_figures(tenant).transpose());
        Ok(DailyFigures { position: u64::try_from(position).map_err(corrupt)?, rows: rows.collect::<Result<_, _>>()? })
    }
}

/// One row, or none beside the position.
struct FiguresRow {
    position: i64,
    tenant_id: Option<String>,
    day: Option<i32>,
    status: Option<String>,
    currency: Option<String>,
    orders: Option<i64>,
    units: Option<i64>,
    amount: Option<Decimal>,
}

impl FiguresRow {
    fn into_figures(self, asked: &TenantId) -> Result<Option<DayFigures>, RepoError> {
        let Self {
            tenant_id: Some(tenant),
            day: Some(day),
            status: Some(status),
            currency: Some(currency),
            orders: Some(orders),
            units: Some(units),
            amount: Some(amount),
            ..
        } = self
        else {
            return Ok(None);
        };
        check_tenant(asked, &tenant)?;
        Ok(Some(DayFigures {
            day: usize::try_from(day - 1).map_err(corrupt)?,
            status,
            orders: u64::try_from(orders).map_err(corrupt)?,
            units: u64::try_from(units).map_err(corrupt)?,
            amount: Amount::exactly(amount, currency.parse().map_err(corrupt)?),
        }))
    }
}
