use crate::{
    app::{OrderFilter, OrderQueries, OrderSummary, Ports, RepoError},
    domain::{OrderId, TenantId},
};

/// Reads a page of orders, newest first.
#[derive(Debug)]
pub struct ListOrders<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct ListOrdersRequest {
    pub tenant: TenantId,
    pub filter: OrderFilter,
    /// The last order of the page before.
    pub before: Option<OrderId>,
    /// 1 to [`ListOrders::MAX_LIMIT`].
    pub limit: usize,
    /// Whether to count all that the filter lets through.
    pub total: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    pub orders: Vec<OrderSummary>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<OrderId>,
    pub total: Option<u64>,
}

impl<P> ListOrders<'_, P> {
    pub const DEFAULT_LIMIT: usize = 50;
    pub const MAX_LIMIT: usize = 200;
}

impl<P: Ports> ListOrders<'_, P> {
    pub async fn execute(&self, request: &ListOrdersRequest) -> Result<OrderPage, RepoError> {
        let ListOrdersRequest { tenant, filter, before, limit, total } = request;
        // One more than asked tells whether there is a next page.
        let mut orders = self.0.store().orders(tenant, filter, *before, limit + 1).await?;
        let more = orders.len() > *limit;
        orders.truncate(*limit);
        let next = if more { orders.last().map(|order| order.order_id) } else { None };
        let total = if *total { Some(self.0.store().count(tenant, filter).await?) } else { None };
        Ok(OrderPage { orders, next, total })
    }
}
