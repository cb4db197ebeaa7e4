use std::future::Future;

use crate::domain::{Price, ProductName, Sku};

use super::BoxError;

/// Something that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub sku: Sku,
    pub name: ProductName,
    pub price: Price,
}

#[derive(Debug, thiserror::Error)]
#[error("the pricing service is away")]
pub struct PricingError(#[source] pub BoxError);

/// Knows which products exist and what they cost now.
pub trait PricingService: Clone + Send + Sync + 'static {
    /// One answer a SKU, in their order; `None` where there is no such product.
    fn find(&self, skus: &[Sku]) -> impl Future<Output = Result<Vec<Option<Product>>, PricingError>> + Send;

    /// Every product, by name.
    fn list(&self) -> impl Future<Output = Result<Vec<Product>, PricingError>> + Send;
}
