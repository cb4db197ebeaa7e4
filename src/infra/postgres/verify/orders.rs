use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use crate::infra::postgres::rows::{LoggedEventRow, StoredItem, StoredOrder};

use super::{
    audit::Audit,
    replay::{OrderReplay, compare},
    report::Finding,
};

/// How many orders are in memory at a time. Of the events only one is.
const PAGE: i64 = 500;

/// The place of an order in the order of the index.
type Key = (String, Uuid);

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Checks that every order equals the replay of its events, and that every event belongs to an order.
    pub(super) async fn check_orders(&mut self) -> Result<(), sqlx::Error> {
        let all = query_scalar!(r#"select count(*) as "count!" from orders"#).fetch_one(&mut *self.connection).await?;
        let mut after: Key = (String::new(), Uuid::nil());
        loop {
            let page = query_as!(
                StoredOrder,
                "select tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
                    version, created_at, updated_at
                from orders
                where (tenant_id, order_id) > ($1, $2)
                order by tenant_id, order_id
                limit $3",
                after.0,
                after.1,
                PAGE
            )
            .fetch_all(&mut *self.connection)
            .await?;
            let Some(last) = page.last() else { break };
            let until = (last.tenant_id.clone(), last.order_id);
            let items = self.items(&after, &until).await?;
            self.report.orders += page.len() as u64;
            self.replay(page, items, &after, &until).await?;
            self.progress.at(|| format!("orders: {} of {all}", self.report.orders));
            after = until;
        }
        let mut strays = query!(
            "select distinct tenant_id, order_id from order_events where (tenant_id, order_id) > ($1, $2)",
            after.0,
            after.1
        )
        .fetch(&mut *self.connection);
        while let Some(stray) = strays.try_next().await? {
            self.report.find(Finding::NoOrder { tenant: stray.tenant_id, order_id: stray.order_id });
            self.progress.at(|| format!("events without an order: {}", self.report.found));
        }
        Ok(())
    }

    async fn items(&mut self, after: &Key, until: &Key) -> Result<HashMap<Key, Vec<StoredItem>>, sqlx::Error> {
        let mut items: HashMap<Key, Vec<StoredItem>> = HashMap::new();
        let mut rows = query_as!(
            StoredItem,
            "select tenant_id, order_id, line, sku, name, quantity, unit_price
            from order_items
            where (tenant_id, order_id) > ($1, $2) and (tenant_id, order_id) <= ($3, $4)
            order by tenant_id, order_id, line",
            after.0,
            after.1,
            until.0,
            until.1
        )
        .fetch(&mut *self.connection);
        while let Some(item) = rows.try_next().await? {
            items.entry((item.tenant_id.clone(), item.order_id)).or_default().push(item);
        }
        Ok(items)
    }

    /// Replays the events of a page of orders, one by one as they arrive.
    async fn replay(
        &mut self,
        page: Vec<StoredOrder>,
        mut items: HashMap<Key, Vec<StoredItem>>,
        after: &Key,
        until: &Key,
    ) -> Result<(), sqlx::Error> {
        let mut stored: HashMap<Key, StoredOrder> =
            page.into_iter().map(|order| ((order.tenant_id.clone(), order.order_id), order)).collect();
        let mut replay: Option<OrderReplay> = None;
        let Self { connection, report, progress } = self;
        let mut rows = query_as!(
            LoggedEventRow,
            r#"select position, coalesce(sequence, position) as "sequence!", tenant_id, event_id, order_id, version,
                type as event_type, payload::text as "payload!", occurred_at, authtype, authid, traceparent
            from order_events
            where (tenant_id, order_id) > ($1, $2) and (tenant_id, order_id) <= ($3, $4)
            order by tenant_id, order_id, version"#,
            after.0,
            after.1,
            until.0,
            until.1
        )
        .fetch(&mut **connection);
        loop {
            let row = rows.try_next().await?;
            let ended = replay.take_if(|replay| row.as_ref().is_none_or(|row| !replay.is_of(row)));
            if let Some(finished) = ended {
                let order = stored.remove(&finished.key);
                let lines = items.remove(&finished.key).unwrap_or_default();
                compare(report, finished, order, lines);
            }
            let Some(row) = row else { break };
            progress.at(|| format!("orders: {}, event at position {}", report.orders, row.position));
            replay.get_or_insert_with(|| OrderReplay::begin(&row)).add(row, report);
        }
        for order in stored.into_values() {
            if report.retired_to > 0 {
                report.retired += 1;
            } else {
                report.find(Finding::NoEvents { tenant: order.tenant_id, order_id: order.order_id });
            }
        }
        Ok(())
    }
}
