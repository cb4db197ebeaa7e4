use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{Order, OrderId, Principal},
};

use super::change_order::change_order;

/// Places an open order that has items.
#[derive(Debug)]
pub struct PlaceOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct PlaceOrderRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub conditions: Conditions,
}

impl<P: Ports> PlaceOrder<'_, P> {
    pub async fn execute(&self, request: PlaceOrderRequest) -> Result<Answered, ChangeError> {
        let PlaceOrderRequest { principal, order_id, conditions } = request;
        change_order(self.0, &principal, order_id, &conditions, Order::place).await
    }
}
