use crate::{
    app::{AsOf, HistoricalOrder, OrderDetails, OrderFilter, OrderQueries, OrderSummary, RepoError},
    domain::{Order, OrderEvent, OrderId, OrderState, TenantId},
};

use super::{MemoryStore, state::StoredEvent};

impl OrderQueries for MemoryStore {
    async fn order(&self, tenant: &TenantId, id: OrderId) -> Result<Option<OrderDetails>, RepoError> {
        let committed = self.shared.committed();
        Ok(committed.orders.get(&(tenant.clone(), id)).map(OrderDetails::from))
    }

    async fn order_as_of(&self, tenant: &TenantId, id: OrderId, moment: AsOf) -> Result<HistoricalOrder, RepoError> {
        let committed = self.shared.committed();
        let of_order = |stored: &&StoredEvent| stored.tenant == *tenant && stored.event.order_id == id;
        let events: Vec<&OrderEvent> = committed
            .events
            .iter()
            .filter(of_order)
            .map(|stored| &stored.event)
            .take_while(|event| moment.admits(event))
            .collect();
        if !moment.is_reached_by(events.last().copied()) {
            return Ok(HistoricalOrder::NotThen);
        }
        let order = Order::replay(events).map_err(|error| RepoError::Backend(error.into()))?;
        Ok(HistoricalOrder::Order(order.state().into()))
    }

    async fn count(&self, tenant: &TenantId, filter: &OrderFilter) -> Result<u64, RepoError> {
        Ok(u64::try_from(self.orders(tenant, filter, None, usize::MAX).await?.len()).unwrap_or(u64::MAX))
    }

    async fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<OrderSummary>, RepoError> {
        let ids = filter.ids();
        let end = before.map_or(ids.end, |before| before.min(ids.end));
        if end <= ids.start {
            return Ok(Vec::new());
        }
        let committed = self.shared.committed();
        let page = committed.orders.range((tenant.clone(), ids.start)..(tenant.clone(), end)).rev();
        let shown = page.map(|(_, order)| order).filter(|order| shows(filter, order));
        Ok(shown.take(limit).map(OrderSummary::from).collect())
    }

    async fn ready(&self) -> Result<(), RepoError> {
        Ok(())
    }
}

fn shows(filter: &OrderFilter, order: &OrderState) -> bool {
    let OrderFilter { customer_id, status, created_from: _, created_to: _ } = filter;
    customer_id.as_ref().is_none_or(|wanted| *wanted == order.customer_id)
        && status.is_none_or(|wanted| wanted == order.status)
}
