use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use rust_decimal::Decimal;
use sqlx::{query, query_as};
use time::OffsetDateTime;

use crate::infra::postgres::{
    order_stats::{Change, ChangedOrders},
    rows::LoggedEventRow,
};

use super::{audit::Audit, report::Finding};

/// Figures that are further behind are not checked: they are being built.
const MOST_BEHIND: i64 = 100_000;

/// Tenant, quarter of an hour, status, currency.
type Key = (String, OffsetDateTime, String, String);

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Checks that the figures of orders are those of the orders, as they were at the position of the figures.
    pub(super) async fn check_figures(&mut self) -> Result<(), sqlx::Error> {
        let cursor = query!("select position from sink_cursors where name = 'order_stats'");
        let Some(cursor) = cursor.fetch_optional(&mut *self.connection).await? else { return Ok(()) };
        // At 0 the figures are not built yet.
        if cursor.position == 0 || self.report.head - cursor.position > MOST_BEHIND {
            return Ok(());
        }
        let Some(mut behind) = self.changes_after(cursor.position).await? else { return Ok(()) };
        let mut rows = query!(
            r#"select tenant_id as "tenant_id!", quarter as "quarter!", status as "status!", currency as "currency!",
                coalesce(o.orders, 0) - coalesce(s.orders, 0) as "orders!",
                (coalesce(o.units, 0) - coalesce(s.units, 0))::bigint as "units!",
                coalesce(o.amount, 0) - coalesce(s.amount, 0) as "amount!",
                coalesce(s.orders, 0) as "counted!"
            from order_stats s
            full join (
                select tenant_id, to_timestamp(floor(extract(epoch from created_at) / 900) * 900) as quarter, status,
                    currency, count(*) as orders, sum(units_count) as units, sum(total_amount) as amount
                from orders
                group by 1, 2, 3, 4
            ) as o using (tenant_id, quarter, status, currency)
            where coalesce(o.orders, 0) <> coalesce(s.orders, 0) or coalesce(o.units, 0) <> coalesce(s.units, 0)
                or coalesce(o.amount, 0) <> coalesce(s.amount, 0)"#
        )
        .fetch(&mut *self.connection);
        while let Some(row) = rows.try_next().await? {
            let change = Change { orders: row.orders, units: row.units, amount: row.amount };
            let key = (row.tenant_id, row.quarter, row.status, row.currency);
            let expected = behind.remove(&key).unwrap_or_default();
            if !is_same(change, expected) {
                let (tenant, quarter, status, currency) = key;
                let (counted, missing) = (row.counted, change.orders - expected.orders);
                self.report.find(Finding::Figures { tenant, quarter, status, currency, counted, missing });
            }
        }
        for ((tenant, quarter, status, currency), change) in behind {
            let missing = -change.orders;
            self.report.find(Finding::Figures { tenant, quarter, status, currency, counted: change.orders, missing });
        }
        Ok(())
    }

    /// What the events behind this position change. `None` if an order does not have all its events.
    async fn changes_after(&mut self, position: i64) -> Result<Option<BTreeMap<Key, Change>>, sqlx::Error> {
        let mut orders = ChangedOrders::default();
        let mut rows = query_as!(
            LoggedEventRow,
            r#"select position, coalesce(sequence, position) as "sequence!", tenant_id, event_id, order_id, version,
                type as event_type, payload::text as "payload!", occurred_at, authtype, authid, traceparent
            from order_events
            where (order_id, tenant_id) in (select order_id, tenant_id from order_events where position > $1)
            order by tenant_id, order_id, version"#,
            position
        )
        .fetch(&mut *self.connection);
        while let Some(row) = rows.try_next().await? {
            let is_before = row.position <= position;
            let Ok(event) = row.into_logged(None) else { return Ok(None) };
            let folded = if is_before { orders.before(&event) } else { orders.apply(&event) };
            if folded.is_err() {
                return Ok(None);
            }
        }
        let rows = orders.into_rows().into_iter();
        let named = rows.map(|((tenant, quarter, status, currency), change)| {
            ((tenant.to_string(), quarter, status.to_owned(), currency.to_owned()), change)
        });
        Ok(Some(named.collect()))
    }
}

/// Whatever the decimals of the amounts are.
fn is_same(one: Change, other: Change) -> bool {
    let difference: Decimal = one.amount - other.amount;
    one.orders == other.orders && one.units == other.units && difference.is_zero()
}
