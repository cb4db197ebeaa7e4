use crate::{
    app::{AsOf, HistoricalOrder, OrderDetails, OrderQueries, Ports, RepoError},
    domain::{OrderId, Principal},
};

/// Reads one order with its items, as it is now or as it was.
#[derive(Debug)]
pub struct GetOrder<'a, P>(pub &'a P);

#[derive(Debug, thiserror::Error)]
pub enum GetOrderError {
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error("order {0} did not exist at that time, or does not have that version")]
    NotThen(OrderId),
    #[error("the first events of order {0} are no longer kept")]
    Retired(OrderId),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> GetOrder<'_, P> {
    pub async fn execute(
        &self,
        principal: &Principal,
        order_id: OrderId,
        as_of: Option<AsOf>,
    ) -> Result<OrderDetails, GetOrderError> {
        let (store, tenant) = (self.0.store(), &principal.tenant);
        let is_own = |order: &OrderDetails| principal.sees(&order.summary.customer_id);
        let Some(moment) = as_of else {
            let order = store.order(tenant, order_id).await?;
            return order.filter(is_own).ok_or(GetOrderError::UnknownOrder(order_id));
        };
        match store.order_as_of(tenant, order_id, moment).await? {
            HistoricalOrder::Order(order) if is_own(&order) => Ok(order),
            HistoricalOrder::Order(_) | HistoricalOrder::NotThen => Err(GetOrderError::NotThen(order_id)),
            // The customer of an order never changes.
            HistoricalOrder::Retired => match store.order(tenant, order_id).await? {
                Some(order) if is_own(&order) => Err(GetOrderError::Retired(order_id)),
                _ => Err(GetOrderError::NotThen(order_id)),
            },
        }
    }
}
