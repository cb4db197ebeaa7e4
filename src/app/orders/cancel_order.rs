use crate::{
    app::{Answered, ChangeError, Conditions, Ports},
    domain::{CancelReason, OrderId, TenantId},
};

use super::change_order::change_order;

/// Calls an open or placed order off.
#[derive(Debug)]
pub struct CancelOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CancelOrderRequest {
    pub tenant: TenantId,
    pub order_id: OrderId,
    pub reason: Option<CancelReason>,
    pub conditions: Conditions,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct CancelOrderError(#[from] pub ChangeError);

impl<P: Ports> CancelOrder<'_, P> {
    pub async fn execute(&self, request: CancelOrderRequest) -> Result<Answered, CancelOrderError> {
        let CancelOrderRequest { tenant, order_id, reason, conditions } = request;
        let changed =
            change_order(self.0, &tenant, order_id, &conditions, |order, stamp| order.cancel(reason.clone(), stamp));
        Ok(changed.await?)
    }
}
