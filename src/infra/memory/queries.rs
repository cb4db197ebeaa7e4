use std::ops::Bound;

use crate::{
    app::{OrderDetails, OrderFilter, OrderQueries, OrderSummary, RepoError},
    domain::{OrderId, OrderState, TenantId},
};

use super::MemoryStore;

impl OrderQueries for MemoryStore {
    async fn order(&self, tenant: &TenantId, id: OrderId) -> Result<Option<OrderDetails>, RepoError> {
        let committed = self.shared.committed();
        Ok(committed.orders.get(&(tenant.clone(), id)).map(OrderDetails::from))
    }

    async fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<OrderSummary>, RepoError> {
        let oldest = Bound::Included((tenant.clone(), OrderId::MIN));
        let newest = match before {
            Some(id) => Bound::Excluded((tenant.clone(), id)),
            None => Bound::Included((tenant.clone(), OrderId::MAX)),
        };
        let committed = self.shared.committed();
        let page = committed.orders.range((oldest, newest)).rev().map(|(_, order)| order);
        Ok(page.filter(|order| shows(filter, order)).take(limit).map(OrderSummary::from).collect())
    }

    async fn ready(&self) -> Result<(), RepoError> {
        Ok(())
    }
}

fn shows(filter: &OrderFilter, order: &OrderState) -> bool {
    let OrderFilter { customer_id, status } = filter;
    customer_id.as_ref().is_none_or(|wanted| *wanted == order.customer_id)
        && status.is_none_or(|wanted| wanted == order.status)
}
