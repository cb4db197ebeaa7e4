use std::sync::Arc;

use crate::{
    app::{EventLog, GetOrder, GetOrderError, LoggedEvent, OrderQueries, Ports},
    domain::{OrderId, Principal},
};

/// Reads the events of one order, oldest first.
#[derive(Debug)]
pub struct GetHistory<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct GetHistoryRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    /// The last version of the previous page; 0 for the first page.
    pub after: u32,
    /// 1 to [`GetHistory::MAX_LIMIT`].
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    pub events: Vec<LoggedEvent>,
    /// The last version of this page, for the next one; `None` on the last page.
    pub next: Option<u32>,
}

impl<P> GetHistory<'_, P> {
    pub const DEFAULT_LIMIT: usize = 200;
    pub const MAX_LIMIT: usize = 1000;
}

impl<P: Ports> GetHistory<'_, P> {
    pub async fn execute(&self, request: &GetHistoryRequest) -> Result<HistoryPage, GetOrderError> {
        let GetHistoryRequest { principal, order_id, after, limit } = request;
        let (store, tenant) = (self.0.store(), &principal.tenant);
        if principal.customer.is_some() {
            GetOrder(self.0).execute(principal, *order_id, None).await?;
        }
        // One event more shows whether there is a next page.
        let mut events = store.history(tenant, *order_id, *after, limit + 1).await?;
        if events.first().is_none_or(|event| event.version != after + 1) {
            let order = store.order(tenant, *order_id).await?.ok_or(GetOrderError::UnknownOrder(*order_id))?;
            // Otherwise the caller has every event.
            if order.summary.version > *after {
                return Err(GetOrderError::Retired(*order_id));
            }
        }
        let more = events.len() > *limit;
        events.truncate(*limit);
        let next = if more { events.last().map(|event| event.version) } else { None };
        Ok(HistoryPage { events, next })
    }
}
