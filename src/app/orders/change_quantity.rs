use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{OrderId, Principal, Quantity},
};

use super::change_order::change_order;

/// Sets how many units of a product a line of an open order has.
#[derive(Debug)]
pub struct ChangeQuantity<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct ChangeQuantityRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub line: u32,
    pub quantity: Quantity,
    pub conditions: Conditions,
}

impl<P: Ports> ChangeQuantity<'_, P> {
    pub async fn execute(&self, request: ChangeQuantityRequest) -> Result<Answered, ChangeError> {
        let ChangeQuantityRequest { principal, order_id, line, quantity, conditions } = request;
        change_order(self.0, &principal, order_id, &conditions, |order, context| {
            order.change_quantity(line, quantity, context)
        })
        .await
    }
}
