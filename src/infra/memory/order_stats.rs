use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    app::{DailyFigures, DayFigures, OrderStats, RepoError},
    domain::{Amount, Currency, OrderState, Status, TenantId},
};

use super::MemoryStore;

impl OrderStats for MemoryStore {
    /// From the orders themselves: there is no model to keep.
    async fn order_stats(
        &self,
        tenant: &TenantId,
        days: &[OffsetDateTime],
        status: Option<Status>,
        currency: Option<Currency>,
    ) -> Result<DailyFigures, RepoError> {
        let committed = self.shared.committed();
        let is_wanted = |order: &OrderState| {
            status.is_none_or(|wanted| wanted == order.status) && currency.is_none_or(|wanted| wanted == order.currency)
        };
        let mut figures = BTreeMap::<_, (u64, u64, Amount)>::new();
        let orders = committed.orders.iter().filter(|((owner, _), order)| owner == tenant && is_wanted(order));
        for (_, order) in orders {
            let begun = days.partition_point(|begin| *begin <= order.created_at);
            let Some(day) = begun.checked_sub(1).filter(|_| begun < days.len()) else { continue };
            let key = (day, order.status.as_str(), order.currency.code());
            let new = || (0, 0, Amount::zero(order.currency));
            let (orders, units, amount) = figures.entry(key).or_insert_with(new);
            *orders += 1;
            *units += u64::from(order.units_count());
            let sum = amount.checked_add(order.total_amount());
            *amount = sum.ok_or_else(|| RepoError::Backend("the sum of the amounts has too many digits".into()))?;
        }
        let row = |((day, status, _), (orders, units, amount)): ((usize, &str, &str), _)| DayFigures {
            day,
            status: status.to_owned(),
            orders,
            units,
            amount,
        };
        Ok(DailyFigures { position: committed.events.len() as u64, rows: figures.into_iter().map(row).collect() })
    }
}
