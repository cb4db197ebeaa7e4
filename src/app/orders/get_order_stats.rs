use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    app::{DailyFigures, OrderStats, Ports, RepoError},
    domain::{Currency, Principal, Status},
};

/// Reads how many orders were created on each day, with which amounts, by the status that they have now.
#[derive(Debug)]
pub struct GetOrderStats<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct GetOrderStatsRequest {
    pub principal: Arc<Principal>,
    /// The begins of the days, and the end of the last one.
    pub days: Vec<OffsetDateTime>,
    pub status: Option<Status>,
    pub currency: Option<Currency>,
}

#[derive(Debug, thiserror::Error)]
pub enum GetOrderStatsError {
    /// The figures are those of all customers.
    #[error("the caller sees one customer only")]
    OneCustomer,
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> GetOrderStats<'_, P> {
    pub async fn execute(&self, request: &GetOrderStatsRequest) -> Result<DailyFigures, GetOrderStatsError> {
        let GetOrderStatsRequest { principal, days, status, currency } = request;
        if principal.customer.is_some() {
            return Err(GetOrderStatsError::OneCustomer);
        }
        Ok(self.0.store().order_stats(&principal.tenant, days, *status, *currency).await?)
    }
}
