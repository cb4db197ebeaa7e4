use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{breaker::BreakerState, remote::PricingOutcomes};

/// The calls to the pricing service and the state of its circuit breaker.
#[derive(Debug, Default)]
pub(super) struct PricingMetrics {
    requests: Family<OutcomeLabels, Counter>,
    breaker: Family<StateLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl PricingMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("pricing_requests", "Calls to the pricing service", self.requests.clone());
        let breaker = "State of the circuit breaker of the pricing service: 1 for the current state";
        registry.register("pricing_breaker_state", breaker, self.breaker.clone());
    }

    /// `outcomes` counts every call since the start.
    pub(super) fn update(&self, outcomes: PricingOutcomes, breaker: BreakerState) {
        let PricingOutcomes { ok, failed, rejected } = outcomes;
        for (outcome, total) in [("ok", ok), ("failed", failed), ("rejected", rejected)] {
            let counter = self.requests.get_or_create(&OutcomeLabels { outcome });
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        let states =
            [("closed", BreakerState::Closed), ("open", BreakerState::Open), ("half_open", BreakerState::HalfOpen)];
        for (state, is) in states {
            self.breaker.get_or_create(&StateLabels { state }).set((is == breaker).into());
        }
    }
}
