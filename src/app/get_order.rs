use crate::domain::{OrderId, TenantId};

use super::{OrderDetails, OrderQueries, Ports, RepoError};

/// Reads one order with its items.
#[derive(Debug)]
pub struct GetOrder<'a, P>(pub &'a P);

#[derive(Debug, thiserror::Error)]
pub enum GetOrderError {
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> GetOrder<'_, P> {
    pub async fn execute(&self, tenant: &TenantId, order_id: OrderId) -> Result<OrderDetails, GetOrderError> {
        let found = self.0.store().order(tenant, order_id).await?;
        found.ok_or(GetOrderError::UnknownOrder(order_id))
    }
}
