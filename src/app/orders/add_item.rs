use std::sync::Arc;

use crate::{
    app::{Answered, ChangeError, Conditions, Ports, PricingError, PricingService, Product, idempotency::replay},
    domain::{OrderId, Principal, Quantity, Sku},
};

use super::change_order::change_order;

/// Adds a product to an open order, at its current price.
#[derive(Debug)]
pub struct AddItemToOrder<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct AddItemRequest {
    pub principal: Arc<Principal>,
    pub order_id: OrderId,
    pub sku: Sku,
    pub quantity: Quantity,
    pub conditions: Conditions,
}

#[derive(Debug, thiserror::Error)]
pub enum AddItemError {
    #[error("there is no product {0}")]
    UnknownProduct(Sku),
    #[error(transparent)]
    Pricing(#[from] PricingError),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl<P: Ports> AddItemToOrder<'_, P> {
    pub async fn execute(&self, request: AddItemRequest) -> Result<Answered, AddItemError> {
        let AddItemRequest { principal, order_id, sku, quantity, conditions } = request;
        // Before the unit of work, so that a slow pricing service holds no connection.
        let product = match self.product(&sku).await {
            Ok(product) => product,
            // An earlier request with the same key may have added the product while it still existed.
            Err(error) => {
                let replayed = replay(self.0, &principal, conditions.key.as_ref()).await.map_err(ChangeError::from)?;
                return replayed.ok_or(error);
            }
        };
        let changed = change_order(self.0, &principal, order_id, &conditions, |order, context| {
            order.add_item(sku.clone(), product.name.clone(), quantity, product.price, context)
        });
        Ok(changed.await?)
    }

    async fn product(&self, sku: &Sku) -> Result<Product, AddItemError> {
        let found = self.0.pricing().find(std::slice::from_ref(sku)).await?;
        found.into_iter().next().flatten().ok_or_else(|| AddItemError::UnknownProduct(sku.clone()))
    }
}
