use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{Order, OrderId, TenantId},
};

use super::change_order::change_order;

/// Says that a placed order was delivered.
#[derive(Debug)]
pub struct FulfilOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct FulfilOrderRequest {
    pub tenant: TenantId,
    pub order_id: OrderId,
    pub conditions: Conditions,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct FulfilOrderError(#[from] pub ChangeError);

impl<P: Ports> FulfilOrder<'_, P> {
    pub async fn execute(&self, request: FulfilOrderRequest) -> Result<Answered, FulfilOrderError> {
        let FulfilOrderRequest { tenant, order_id, conditions } = request;
        let changed = change_order(self.0, &tenant, order_id, &conditions, Order::fulfil);
        Ok(changed.await?)
    }
}
