use std::sync::Arc;

use crate::{
    app::{
        Answered, CreateOrderError, KeyError, KeyedRequest, NewOrder, OrderDetails, Outcome, Ports, PricingError,
        RepoError, UnitOfWork,
        idempotency::{rebuild, recall},
    },
    domain::{Order, Principal},
};

use super::{
    change_order::record,
    create_order::{build, create, price},
    retry::{WriteError, retry},
};

/// Creates many orders with one request.
#[derive(Debug)]
pub struct CreateOrders<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CreateOrdersRequest {
    pub principal: Arc<Principal>,
    /// By their indexes in the request, without the orders that could not be read.
    pub orders: Vec<(u32, NewOrder)>,
    /// Whether the request had orders that could not be read.
    pub some_unreadable: bool,
    pub policy: BatchPolicy,
    pub key: Option<KeyedRequest>,
}

/// What one refused order means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPolicy {
    /// Either all orders are created, in one transaction, or none is.
    RejectAll,
    /// The others are created, each in a unit of work of its own.
    Partial,
}

/// The result of one order of a batch.
#[derive(Debug)]
pub enum BatchResult {
    Created(Answered),
    Refused(CreateOrderError),
    /// The order itself is valid, but another one was refused.
    Rejected,
}

/// Why no order has a result. Under `Partial` some orders may have been created: the same key finds them.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrdersError {
    #[error(transparent)]
    Pricing(#[from] PricingError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl WriteError for CreateOrdersError {
    fn store_error(&self) -> Option<&RepoError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

impl<P: Ports> CreateOrders<'_, P> {
    /// One result for each order, in the order of the request.
    pub async fn execute(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        // Each attempt first reads the outcomes of the same key, so `retry` need not replay.
        retry(self.0, |_| self.attempt(request), async || Ok(None)).await
    }

    async fn attempt(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let done = match &request.key {
            None => Vec::new(),
            Some(key) => recall(self.0, &request.principal, key).await?,
        };
        match request.policy {
            BatchPolicy::RejectAll if done.is_empty() => self.all_or_none(request).await,
            BatchPolicy::RejectAll | BatchPolicy::Partial => self.each(request, &done).await,
        }
    }

    async fn all_or_none(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let items = request.orders.iter().flat_map(|(_, order)| &order.items);
        let mut products = price(self.0, items).await?.into_iter();
        let mut built = Vec::with_capacity(request.orders.len());
        for (batch_index, order) in &request.orders {
            let order_or_problems = build(self.0, order, products.by_ref().take(order.items.len()));
            let is_own = request.principal.sees(&order.customer_id);
            let order = if is_own {
                order_or_problems.map_err(CreateOrderError::Items)
            } else {
                Err(CreateOrderError::OtherCustomer)
            };
            built.push((*batch_index, order));
        }
        if request.some_unreadable || built.iter().any(|(_, order)| order.is_err()) {
            let result = |(batch_index, order): (u32, Result<Order, _>)| match order {
                Ok(_) => (batch_index, BatchResult::Rejected),
                Err(error) => (batch_index, BatchResult::Refused(error)),
            };
            return Ok(built.into_iter().map(result).collect());
        }
        let mut results = Vec::with_capacity(built.len());
        let mut uow = self.0.store().begin(&request.principal.tenant, request.principal.actor());
        for (batch_index, order) in built {
            let Ok(order) = order else { continue };
            let created = OrderDetails::from(order.state());
            uow.save(order)?;
            if let Some(key) = &request.key {
                uow.save_key(record(key, batch_index, &created));
            }
            results.push((batch_index, BatchResult::Created(Answered::now(created))));
        }
        uow.commit().await?;
        Ok(results)
    }

    /// The order that a concurrent request with the same key created.
    async fn taken_meanwhile(
        &self,
        request: &CreateOrdersRequest,
        batch_index: u32,
    ) -> Result<BatchResult, CreateOrdersError> {
        let Some(key) = &request.key else { return Err(RepoError::Conflict.into()) };
        let done = recall(self.0, &request.principal, key).await?;
        let outcome = done.iter().find(|outcome| outcome.batch_index == batch_index).ok_or(RepoError::Conflict)?;
        Ok(BatchResult::Created(rebuild(self.0, &request.principal.tenant, outcome).await?))
    }

    /// Creates each order alone, and replays those that an earlier request with the same key created.
    async fn each(
        &self,
        request: &CreateOrdersRequest,
        done: &[Outcome],
    ) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let mut results = Vec::with_capacity(request.orders.len());
        for (batch_index, order) in &request.orders {
            // Also of an order that an earlier request created: the caller may have been bound to a customer meanwhile.
            if !request.principal.sees(&order.customer_id) {
                results.push((*batch_index, BatchResult::Refused(CreateOrderError::OtherCustomer)));
                continue;
            }
            let result = match done.iter().find(|outcome| outcome.batch_index == *batch_index) {
                Some(outcome) => BatchResult::Created(rebuild(self.0, &request.principal.tenant, outcome).await?),
                None => match create(self.0, &request.principal, order, request.key.as_ref(), *batch_index).await {
                    Ok(created) => BatchResult::Created(Answered::now(created)),
                    Err(CreateOrderError::Store(RepoError::KeyTaken)) => {
                        self.taken_meanwhile(request, *batch_index).await?
                    }
                    Err(refused) => BatchResult::Refused(refused),
                },
            };
            results.push((*batch_index, result));
        }
        Ok(results)
    }
}
