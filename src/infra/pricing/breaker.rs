use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A circuit breaker. After some failed calls in a row it rejects all calls for a while: the failing service gets no load,
/// and its callers do not wait for it. Then it admits one call at a time, the probe, until one succeeds.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    circuit: Mutex<Circuit>,
}

#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// So many failed calls in a row open the breaker.
    pub failures: u32,
    /// How long it then rejects all calls. Each failed probe doubles the pause,
    pub pause: Duration,
    /// up to this.
    pub longest_pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Admits every call.
    Closed,
    /// Admits the next call as a probe, or waits for the result of one.
    HalfOpen,
    /// Rejects every call.
    Open,
}

#[derive(Clone, Copy, Debug)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration, probing: bool },
}

/// The permission for one call. One that is dropped without a result changes nothing.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self { settings, circuit: Mutex::new(Circuit::Closed { failures: 0 }) }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match *self.circuit() {
            Circuit::Closed { .. } => BreakerState::Closed,
            Circuit::Open { until, probing, .. } if probing || until <= now => BreakerState::HalfOpen,
            Circuit::Open { .. } => BreakerState::Open,
        }
    }

    /// No call has failed since the last one that succeeded.
    pub(super) fn has_no_failure(&self) -> bool {
        matches!(*self.circuit(), Circuit::Closed { failures: 0 })
    }

    /// `None` rejects the call.
    pub(super) fn admit(&self, now: Instant) -> Option<Permit<'_>> {
        let is_probe = match &mut *self.circuit() {
            Circuit::Closed { .. } => false,
            Circuit::Open { until, probing, .. } if *until <= now && !*probing => {
                *probing = true;
                true
            }
            Circuit::Open { .. } => return None,
        };
        Some(Permit { breaker: self, is_probe })
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    pub(super) fn succeeded(mut self) {
        let is_probe = mem::take(&mut self.is_probe);
        let mut circuit = self.breaker.circuit();
        match &mut *circuit {
            Circuit::Closed { failures } => *failures = 0,
            Circuit::Open { .. } if is_probe => {
                *circuit = Circuit::Closed { failures: 0 };
                log::debug!("the pricing service responds again");
            }
            // The call began before the breaker opened.
            Circuit::Open { .. } => {}
        }
    }

    pub(super) fn failed(mut self, now: Instant) {
        let is_probe = mem::take(&mut self.is_probe);
        let BreakerSettings { failures: limit, pause: first_pause, longest_pause } = self.breaker.settings;
        let mut circuit = self.breaker.circuit();
        let pause = match &mut *circuit {
            Circuit::Closed { failures } => {
                *failures += 1;
                if *failures < limit {
                    return;
                }
                first_pause
            }
            Circuit::Open { pause, .. } if is_probe => pause.saturating_mul(2).min(longest_pause),
            Circuit::Open { .. } => return,
        };
        *circuit = Circuit::Open { until: now + pause, pause, probing: false };
        log::info!("the pricing service keeps failing and gets no requests for {pause:?}");
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe
            && let Circuit::Open { probing, .. } = &mut *self.breaker.circuit()
        {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A breaker that has just opened, for 5 seconds.
    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(BreakerSettings { failures: 2, pause: 5 * SECOND, longest_pause: 60 * SECOND });
        for _ in 0..2 {
            assert_eq!(breaker.state(now), BreakerState::Closed);
            breaker.admit(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_the_breaker() {
        let now = Instant::now();
        let breaker = open(now);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert!(breaker.admit(now + 4 * SECOND).is_none());

        let breaker = Breaker::new(breaker.settings);
        for _ in 0..3 {
            breaker.admit(now).unwrap().failed(now);
            breaker.admit(now).unwrap().succeeded();
        }
        assert_eq!(breaker.state(now), BreakerState::Closed);
    }

    #[test]
    fn one_probe_at_a_time_is_admitted_and_its_success_closes_the_breaker() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + 5 * SECOND;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_none());
        drop(probe);
        let probe = breaker.admit(later).expect("a dropped probe makes room for the next one");
        probe.succeeded();
        assert_eq!(breaker.state(later), BreakerState::Closed);
        breaker.admit(later).unwrap().failed(later);
        assert_eq!(breaker.state(later), BreakerState::Closed, "it counts from 0 again");
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
        let mut now = Instant::now();
        let breaker = open(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            assert!(breaker.admit(now + (pause - 1) * SECOND).is_none(), "after {pause} s");
            now += pause * SECOND;
            breaker.admit(now).expect("a probe").failed(now);
        }
    }

    #[test]
    fn calls_that_began_before_the_breaker_opened_change_nothing() {
        let now = Instant::now();
        let breaker = Breaker::new(BreakerSettings { failures: 1, pause: SECOND, longest_pause: SECOND });
        let [one, other, last] = [(); 3].map(|()| breaker.admit(now).unwrap());
        one.failed(now);
        other.succeeded();
        last.failed(now + 10 * SECOND);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.state(now + SECOND), BreakerState::HalfOpen);
    }
}
