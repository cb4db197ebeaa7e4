use super::{Ports, PricingError, PricingService, Product};

/// Reads the catalogue.
#[derive(Debug)]
pub struct ListProducts<'a, P>(pub &'a P);

impl<P: Ports> ListProducts<'_, P> {
    pub async fn execute(&self) -> Result<Vec<Product>, PricingError> {
        self.0.pricing().list().await
    }
}
