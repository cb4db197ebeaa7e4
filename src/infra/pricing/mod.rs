//! Where products and prices come from.

mod answer;
mod attempt;
mod breaker;
mod catalogue;
mod product;
mod remote;

pub use breaker::{BreakerSettings, BreakerState};
pub use catalogue::{CatalogueError, StaticCatalogue};
pub use remote::{HttpPricing, PricingOutcomes, PricingSettings, PricingSetupError};

use crate::{
    app::{PricingError, PricingService, Product},
    domain::Sku,
};

use super::Metrics;

/// The one that the settings chose.
#[derive(Clone, Debug)]
pub enum Pricing {
    Catalogue(StaticCatalogue),
    Http(HttpPricing),
}

impl Pricing {
    /// Shows how calls end, and how it is with the circuit breaker.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        if let Self::Http(service) = &self {
            let service = service.clone();
            metrics.observe(move |metrics| metrics.pricing(service.outcomes(), service.breaker_state()));
        }
        self
    }
}

impl PricingService for Pricing {
    async fn find(&self, skus: &[Sku]) -> Result<Vec<Option<Product>>, PricingError> {
        match self {
            Self::Catalogue(catalogue) => catalogue.find(skus).await,
            Self::Http(service) => service.find(skus).await,
        }
    }

    async fn list(&self) -> Result<Vec<Product>, PricingError> {
        match self {
            Self::Catalogue(catalogue) => catalogue.list().await,
            Self::Http(service) => service.list().await,
        }
    }
}
