//! The sources of products and prices.

mod answer;
mod attempt;
mod breaker;
mod catalogue;
mod metrics;
mod product;
mod remote;

pub use breaker::{BreakerSettings, BreakerState};
pub use catalogue::{CatalogueError, StaticCatalogue};
pub use remote::{HttpPricing, PricingOutcomes, PricingSettings, PricingSetupError};

use crate::{
    app::{PricingError, PricingService, Product},
    domain::Sku,
};

use super::observability::Metrics;

/// The source that the settings select.
#[derive(Clone, Debug)]
pub enum Pricing {
    Catalogue(StaticCatalogue),
    Http(HttpPricing),
}

impl Pricing {
    /// Counts the calls by their outcome, and shows the state of the circuit breaker.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let shown = metrics::PricingMetrics::default();
        metrics.register(|registry| shown.register(registry));
        if let Self::Http(service) = &self {
            let service = service.clone();
            metrics.before_rendering(move |_| shown.update(service.outcomes(), service.breaker_state()));
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

    fn answers(&self) -> bool {
        match self {
            Self::Catalogue(catalogue) => catalogue.answers(),
            Self::Http(service) => service.answers(),
        }
    }
}
