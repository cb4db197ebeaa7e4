use std::sync::Arc;

use crate::{
    app::{OrderFilter, OrderQueries, OrderSummary, Ports, RepoError},
    domain::{OrderId, Principal},
};

/// Reads a page of orders, newest first.
#[derive(Debug)]
pub struct ListOrders<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct ListOrdersRequest {
    pub principal: Arc<Principal>,
    pub filter: OrderFilter,
    /// The last order of the previous page.
    pub before: Option<OrderId>,
    /// 1 to [`ListOrders::MAX_LIMIT`].
    pub limit: usize,
    /// Whether to count all orders that match the filter.
    pub total: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    pub orders: Vec<OrderSummary>,
    /// The last order of this page, for the next one; `None` on the last page.
    pub next: Option<OrderId>,
    pub total: Option<u64>,
}

impl<P> ListOrders<'_, P> {
    pub const DEFAULT_LIMIT: usize = 50;
    pub const MAX_LIMIT: usize = 200;
}

impl<P: Ports> ListOrders<'_, P> {
    pub async fn execute(&self, request: &ListOrdersRequest) -> Result<OrderPage, RepoError> {
        let ListOrdersRequest { principal, filter, before, limit, total } = request;
        let (tenant, own) = (&principal.tenant, principal.customer.as_ref());
        if own.is_some() && filter.customer_id.is_some() && filter.customer_id.as_ref() != own {
            return Ok(OrderPage { orders: Vec::new(), next: None, total: total.then_some(0) });
        }
        let filter = &OrderFilter { customer_id: own.or(filter.customer_id.as_ref()).cloned(), ..filter.clone() };
        // One order more shows whether there is a next page.
        let mut orders = self.0.store().orders(tenant, filter, *before, limit + 1).await?;
        let more = orders.len() > *limit;
        orders.truncate(*limit);
        let next = if more { orders.last().map(|order| order.order_id) } else { None };
        let total = if *total { Some(self.0.store().count(tenant, filter).await?) } else { None };
        Ok(OrderPage { orders, next, total })
    }
}
