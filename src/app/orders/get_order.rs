use crate::{
    app::{AsOf, HistoricalOrder, OrderDetails, OrderQueries, Ports, RepoError},
    domain::{OrderId, TenantId},
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
        tenant: &TenantId,
        order_id: OrderId,
        as_of: Option<AsOf>,
    ) -> Result<OrderDetails, GetOrderError> {
        let store = self.0.store();
        match as_of {
            None => store.order(tenant, order_id).await?.ok_or(GetOrderError::UnknownOrder(order_id)),
            Some(moment) => match store.order_as_of(tenant, order_id, moment).await? {
                HistoricalOrder::Order(order) => Ok(order),
                HistoricalOrder::NotThen => Err(GetOrderError::NotThen(order_id)),
                HistoricalOrder::Retired => Err(GetOrderError::Retired(order_id)),
            },
        }
    }
}
