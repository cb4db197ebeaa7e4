use std::sync::Arc;

use crate::{
    app::{
        Answered, IdGenerator, KeyError, KeyedRequest, OrderDetails, Ports, PricingError, PricingService, Product,
        RepoError, UnitOfWork, idempotency::replay,
    },
    domain::{Currency, CustomerId, Order, OrderError, Principal, Quantity, Sku},
};

use super::{
    change_order::record,
    retry::{WriteError, retry},
};

/// Creates an order, with its first items.
#[derive(Debug)]
pub struct CreateOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CreateOrderRequest {
    pub principal: Arc<Principal>,
    pub order: NewOrder,
    pub key: Option<KeyedRequest>,
}

#[derive(Clone, Debug)]
pub struct NewOrder {
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub items: Vec<NewItem>,
}

#[derive(Clone, Debug)]
pub struct NewItem {
    pub sku: Sku,
    pub quantity: Quantity,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateOrderError {
    /// The caller creates orders for one customer only.
    #[error("the order is for another customer than the one of the caller")]
    OtherCustomer,
    /// Every item that was refused, by its index in the request.
    #[error("{} of the items cannot be ordered", .0.len())]
    Items(Vec<(usize, ItemProblem)>),
    #[error(transparent)]
    Pricing(#[from] PricingError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] RepoError),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemProblem {
    #[error("there is no product {0}")]
    UnknownProduct(Sku),
    #[error(transparent)]
    Refused(#[from] OrderError),
}

impl<P: Ports> CreateOrder<'_, P> {
    pub async fn execute(&self, request: CreateOrderRequest) -> Result<Answered, CreateOrderError> {
        let CreateOrderRequest { principal, order, key } = request;
        retry(
            self.0,
            |_| async { Ok(Answered::now(create(self.0, &principal, &order, key.as_ref(), 0).await?)) },
            || replay(self.0, &principal, key.as_ref()),
        )
        .await
    }
}

impl WriteError for CreateOrderError {
    fn store_error(&self) -> Option<&RepoError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

/// Prices, builds and stores one order.
pub(crate) async fn create<P: Ports>(
    ports: &P,
    principal: &Principal,
    new_order: &NewOrder,
    key: Option<&KeyedRequest>,
    batch_index: u32,
) -> Result<OrderDetails, CreateOrderError> {
    if !principal.sees(&new_order.customer_id) {
        return Err(CreateOrderError::OtherCustomer);
    }
    // Before the unit of work, so that a slow pricing service holds no connection.
    let products = price(ports, new_order.items.iter()).await?;
    let order = build(ports, new_order, products).map_err(CreateOrderError::Items)?;
    let created = OrderDetails::from(order.state());
    let mut uow = ports.store().begin(&principal.tenant, principal.actor());
    uow.save(order)?;
    if let Some(request) = key {
        uow.save_key(record(request, batch_index, &created));
    }
    uow.commit().await?;
    Ok(created)
}

/// The product of each item; `None` for an unknown product.
pub(crate) async fn price<P: Ports>(
    ports: &P,
    items: impl Iterator<Item = &NewItem> + Send,
) -> Result<Vec<Option<Product>>, PricingError> {
    let skus: Vec<Sku> = items.map(|item| item.sku.clone()).collect();
    if skus.is_empty() { Ok(Vec::new()) } else { ports.pricing().find(&skus).await }
}

/// The order, or every item that was refused.
pub(crate) fn build<P: Ports>(
    ports: &P,
    new_order: &NewOrder,
    products: impl IntoIterator<Item = Option<Product>>,
) -> Result<Order, Vec<(usize, ItemProblem)>> {
    let context = ports.context();
    let order_id = ports.ids().order_id(context.stamp.at());
    let mut order = Order::create(order_id, new_order.customer_id.clone(), new_order.currency, context);
    let mut problems = Vec::new();
    for (index, (item, product)) in new_order.items.iter().zip(products).enumerate() {
        let added = match product {
            None => Err(ItemProblem::UnknownProduct(item.sku.clone())),
            Some(Product { sku, name, price }) => {
                order.add_item(sku, name, item.quantity, price, ports.context()).map_err(ItemProblem::from)
            }
        };
        if let Err(problem) = added {
            problems.push((index, problem));
        }
    }
    if problems.is_empty() { Ok(order) } else { Err(problems) }
}
