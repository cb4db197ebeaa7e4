use std::future::Future;

use crate::domain::{Price, ProductName, Sku};

use super::BoxError;

/// A product that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub sku: Sku,
    pub name: ProductName,
    pub price: Price,
}

#[derive(Debug, thiserror::Error)]
#[error("the pricing service is unavailable")]
pub struct PricingError(#[source] pub BoxError);

/// The products, and their current prices.
pub trait PricingService: Clone + Send + Sync + 'static {
    /// One result for each SKU, in the same order; `None` for an unknown product.
    fn find(&self, skus: &[Sku]) -> impl Future<Output = Result<Vec<Option<Product>>, PricingError>> + Send;

    /// Every product, by name.
    fn list(&self) -> impl Future<Output = Result<Vec<Product>, PricingError>> + Send;

    /// Whether the last call succeeded, or no call was made yet.
    fn answers(&self) -> bool {
        true
    }
}
