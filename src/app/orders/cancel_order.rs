use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{CancelReason, OrderId, Principal},
};

use super::change_order::change_order;

/// Cancels an open or placed order.
#[derive(Debug)]
pub struct CancelOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CancelOrderRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub reason: Option<CancelReason>,
    pub conditions: Conditions,
}

impl<P: Ports> CancelOrder<'_, P> {
    pub async fn execute(&self, request: CancelOrderRequest) -> Result<Answered, ChangeError> {
        let CancelOrderRequest { principal, order_id, reason, conditions } = request;
        change_order(self.0, &principal, order_id, &conditions, |order, context| order.cancel(reason.clone(), context))
            .await
    }
}
