use crate::domain::{Currency, CustomerId, Order, OrderError, Quantity, Sku, TenantId};

use super::{IdGenerator, OrderDetails, Ports, PricingError, PricingService, Product, RepoError, UnitOfWork};

/// Takes a new order, with its first items where there are some.
#[derive(Debug)]
pub struct CreateOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CreateOrderRequest {
    pub tenant: TenantId,
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
    /// Every item that is wrong, by its index in the request.
    #[error("{} of the items cannot be ordered", .0.len())]
    Items(Vec<(usize, ItemProblem)>),
    #[error(transparent)]
    Pricing(#[from] PricingError),
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
    pub async fn execute(&self, request: CreateOrderRequest) -> Result<OrderDetails, CreateOrderError> {
        // Before the transaction: a slow pricing service must not hold a connection.
        let products = self.price(&request.items).await?;
        let tenant = request.tenant.clone();
        let order = self.build(request, products)?;
        let created = OrderDetails::from(order.state());
        let mut uow = self.0.store().begin(&tenant).await?;
        uow.save(order).await?;
        uow.commit().await?;
        Ok(created)
    }

    async fn price(&self, items: &[NewItem]) -> Result<Vec<Option<Product>>, PricingError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let skus: Vec<Sku> = items.iter().map(|item| item.sku.clone()).collect();
        self.0.pricing().find(&skus).await
    }

    fn build(&self, request: CreateOrderRequest, products: Vec<Option<Product>>) -> Result<Order, CreateOrderError> {
        let stamp = self.0.stamp();
        let order_id = self.0.ids().order_id(stamp.at());
        let mut order = Order::create(order_id, request.customer_id, request.currency, stamp);
        let mut problems = Vec::new();
        for (index, (item, product)) in request.items.into_iter().zip(products).enumerate() {
            let added = match product {
                None => Err(ItemProblem::UnknownProduct(item.sku)),
                Some(product) => order
                    .add_item(item.sku, product.name, item.quantity, product.price, self.0.stamp())
                    .map_err(ItemProblem::from),
            };
            if let Err(problem) = added {
                problems.push((index, problem));
            }
        }
        if problems.is_empty() { Ok(order) } else { Err(CreateOrderError::Items(problems)) }
    }
}
