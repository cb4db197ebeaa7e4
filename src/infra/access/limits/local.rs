use std::{
    hash::Hash,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    DefaultKeyedRateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};

use crate::app::Quota;

use super::rate::Rate;

/// The quotas of callers in this process.
pub(super) struct LocalLimiter<K: Hash + Eq + Clone> {
    rate: Rate,
    limiter: DefaultKeyedRateLimiter<K, StateInformationMiddleware>,
    checks: AtomicU32,
}

/// After so many checks, callers whose quota is whole again are forgotten.
const CHECKS_PER_CLEANUP: u32 = 10_000;

impl<K: Hash + Eq + Clone> LocalLimiter<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let quota = governor::Quota::with_period(rate.interval())
            .unwrap_or_else(|| governor::Quota::per_second(rate.requests))
            .allow_burst(rate.requests);
        let limiter = governor::RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { rate, limiter, checks: AtomicU32::default() }
    }

    pub(super) fn take(&self, key: &K) -> Quota {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_PER_CLEANUP) {
            self.limiter.retain_recent();
        }
        let Rate { requests, window } = self.rate;
        let quota =
            |remaining, reset, is_exceeded| Quota { limit: requests.get(), window, remaining, reset, is_exceeded };
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = requests.get().saturating_sub(remaining);
                quota(remaining, self.rate.interval().saturating_mul(used), false)
            }
            Err(until) => quota(0, until.wait_time_from(DefaultClock::default().now()), true),
        }
    }
}
