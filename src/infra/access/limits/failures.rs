use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::infra::access::bounded::make_room;

use super::{local::LocalLimiter, rate::Rate};

/// The addresses that sent wrong credentials. One that has used its quota up has to wait.
pub(super) struct Failures {
    limiter: LocalLimiter<IpAddr>,
    blocked: Mutex<HashMap<IpAddr, Instant>>,
}

/// The most addresses that are remembered.
const CAPACITY: usize = 10_000;

impl Failures {
    pub(super) fn new(rate: Rate) -> Self {
        Self { limiter: LocalLimiter::new(rate), blocked: Mutex::default() }
    }

    pub(super) fn may_try(&self, address: IpAddr) -> Result<(), Duration> {
        let left = self.blocked().get(&address).map(|until| until.saturating_duration_since(Instant::now()));
        left.filter(|left| !left.is_zero()).map_or(Ok(()), Err)
    }

    pub(super) fn count(&self, address: IpAddr) {
        let quota = self.limiter.take(&address);
        if quota.remaining > 0 {
            return;
        }
        let mut blocked = self.blocked();
        let now = Instant::now();
        make_room(&mut blocked, CAPACITY, |until| *until > now);
        // One more attempt is allowed when one more fits into the quota.
        let pause = if quota.is_exceeded { quota.reset } else { quota.window / quota.limit.max(1) };
        blocked.insert(address, now + pause);
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn blocked(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_after_its_quota_of_failures_and_others_do_not() {
        let failures = Failures::new("3/h".parse().unwrap());
        let [guesser, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        for _ in 0..3 {
            failures.may_try(guesser).unwrap();
            failures.count(guesser);
        }
        let pause = failures.may_try(guesser).unwrap_err();
        assert!(pause > Duration::from_mins(19) && pause <= Duration::from_mins(20), "{pause:?}");
        failures.may_try(other).unwrap();
    }
}
