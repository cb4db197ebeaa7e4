use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{OrderId, Principal},
};

use super::change_order::change_order;

/// Removes a line from an open order.
#[derive(Debug)]
pub struct RemoveItem<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct RemoveItemRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub line: u32,
    pub conditions: Conditions,
}

impl<P: Ports> RemoveItem<'_, P> {
    pub async fn execute(&self, request: RemoveItemRequest) -> Result<Answered, ChangeError> {
        let RemoveItemRequest { principal, order_id, line, conditions } = request;
        change_order(self.0, &principal, order_id, &conditions, |order, context| order.remove_item(line, context)).await
    }
}
