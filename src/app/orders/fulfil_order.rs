use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{Order, OrderId, Principal},
};

use super::change_order::change_order;

/// Records that a placed order was delivered.
#[derive(Debug)]
pub struct FulfilOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct FulfilOrderRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub conditions: Conditions,
}

impl<P: Ports> FulfilOrder<'_, P> {
    pub async fn execute(&self, request: FulfilOrderRequest) -> Result<Answered, ChangeError> {
        let FulfilOrderRequest { principal, order_id, conditions } = request;
        change_order(self.0, &principal, order_id, &conditions, Order::fulfil).await
    }
}
