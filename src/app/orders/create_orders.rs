use crate::{
    app::{
        Answered, CreateOrderError, KeyError, KeyedRequest, NewOrder, OrderDetails, Outcome, Ports, PricingError,
        RepoError, UnitOfWork,
        idempotency::{rebuild, recall},
    },
    domain::{Order, TenantId},
};

use super::{
    change_order::record,
    create_order::{build, create, price},
    retry::{WriteError, retry},
};

/// Takes many orders with one request.
#[derive(Debug)]
pub struct CreateOrders<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CreateOrdersRequest {
    pub tenant: TenantId,
    /// With their places in the request. Orders that could not even be read are not among them.
    pub orders: Vec<(u32, NewOrder)>,
    /// Whether there were orders that could not be read.
    pub some_unreadable: bool,
    pub policy: BatchPolicy,
    pub key: Option<KeyedRequest>,
}

/// What one bad order means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPolicy {
    /// None is taken. All are written in one transaction.
    RejectAll,
    /// The good ones are taken, each in a transaction of its own.
    Partial,
}

/// What became of one order of a batch.
#[derive(Debug)]
pub enum BatchResult {
    Created(Answered),
    Refused(CreateOrderError),
    /// Nothing is wrong with it, but another one was refused.
    Rejected,
}

/// Why there is no result for any order. Under `Partial`, some may have been taken: the same key finds them.
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
    /// One result for each order of the request, in their order.
    pub async fn execute(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        // An attempt looks for what the same key led to before: then only the rest of the orders is new.
        retry(self.0, |_| self.attempt(request), async || Ok(None)).await
    }

    async fn attempt(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let done = match &request.key {
            None => Vec::new(),
            Some(key) => recall(self.0, &request.tenant, key).await?,
        };
        match request.policy {
            BatchPolicy::RejectAll if done.is_empty() => self.all_or_none(request).await,
            BatchPolicy::RejectAll | BatchPolicy::Partial => self.each(request, &done).await,
        }
    }

    async fn all_or_none(&self, request: &CreateOrdersRequest) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let items = request.orders.iter().flat_map(|(_, order)| &order.items);
        let mut products = price(self.0, items).await?.into_iter();
        let built: Vec<(u32, Result<Order, _>)> = request
            .orders
            .iter()
            .map(|(item, order)| (*item, build(self.0, order, products.by_ref().take(order.items.len()))))
            .collect();
        if request.some_unreadable || built.iter().any(|(_, order)| order.is_err()) {
            let result = |(item, order): (u32, Result<Order, _>)| match order {
                Ok(_) => (item, BatchResult::Rejected),
                Err(problems) => (item, BatchResult::Refused(CreateOrderError::Items(problems))),
            };
            return Ok(built.into_iter().map(result).collect());
        }
        let mut results = Vec::with_capacity(built.len());
        let mut uow = self.0.store().begin(&request.tenant);
        for (item, order) in built {
            let Ok(order) = order else { continue };
            let created = OrderDetails::from(order.state());
            uow.save(order)?;
            if let Some(key) = &request.key {
                uow.save_key(record(key, item, &created));
            }
            results.push((item, BatchResult::Created(Answered::now(created))));
        }
        uow.commit().await?;
        Ok(results)
    }

    /// What a request with the same key, at the same time, made of this order.
    async fn taken_meanwhile(
        &self,
        request: &CreateOrdersRequest,
        item: u32,
    ) -> Result<BatchResult, CreateOrdersError> {
        let Some(key) = &request.key else { return Err(RepoError::Conflict.into()) };
        let done = recall(self.0, &request.tenant, key).await?;
        let outcome = done.iter().find(|outcome| outcome.item == item).ok_or(RepoError::Conflict)?;
        Ok(BatchResult::Created(rebuild(self.0, &request.tenant, outcome).await?))
    }

    /// Each by itself, but those that an earlier request with the same key took.
    async fn each(
        &self,
        request: &CreateOrdersRequest,
        done: &[Outcome],
    ) -> Result<Vec<(u32, BatchResult)>, CreateOrdersError> {
        let mut results = Vec::with_capacity(request.orders.len());
        for (item, order) in &request.orders {
            let result = match done.iter().find(|outcome| outcome.item == *item) {
                Some(outcome) => BatchResult::Created(rebuild(self.0, &request.tenant, outcome).await?),
                None => match create(self.0, &request.tenant, order, request.key.as_ref(), *item).await {
                    Ok(created) => BatchResult::Created(Answered::now(created)),
                    Err(CreateOrderError::Store(RepoError::KeyTaken)) => self.taken_meanwhile(request, *item).await?,
                    Err(refused) => BatchResult::Refused(refused),
                },
            };
            results.push((*item, result));
        }
        Ok(results)
    }
}
