use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Spares a service that keeps failing, and those who wait for it: after some failed calls in a row, further ones are not made for a while.
/// Then one at a time is, the probe, until one succeeds.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    circuit: Mutex<Circuit>,
}

#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// So many failed calls in a row open it.
    pub failures: u32,
    /// How long no call is made. Doubled by each probe that fails,
    pub pause: Duration,
    /// up to this.
    pub longest_pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call is made.
    Closed,
    /// The next call is a probe, or one is under way.
    HalfOpen,
    /// No call is made.
    Open,
}

#[derive(Clone, Copy, Debug)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration, probing: bool },
}

/// One call may be made. Dropped without a result, it has taught nothing.
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

    /// `None` for a call that must not be made.
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

    /// A panic cannot leave it half changed.
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
                log::info!("the pricing service is back");
            }
            // Begun before it opened: old news.
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
        log::warn!("the pricing service keeps failing and is left alone for {pause:?}");
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

    /// One that was opened just now, for 5 seconds.
    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(BreakerSettings { failures: 2, pause: 5 * SECOND, longest_pause: 60 * SECOND });
        for _ in 0..2 {
            assert_eq!(breaker.state(now), BreakerState::Closed);
            breaker.admit(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
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
    fn one_probe_at_a_time_is_let_through_and_its_success_closes_it() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + 5 * SECOND;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_none());
        drop(probe);
        let probe = breaker.admit(later).expect("one that was given up makes room for the next");
        probe.succeeded();
        assert_eq!(breaker.state(later), BreakerState::Closed);
        breaker.admit(later).unwrap().failed(later);
        assert_eq!(breaker.state(later), BreakerState::Closed, "it counts from the beginning");
    }

    #[test]
    fn each_probe_that_fails_doubles_the_pause_up_to_a_minute() {
        let mut now = Instant::now();
        let breaker = open(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            assert!(breaker.admit(now + (pause - 1) * SECOND).is_none(), "after {pause} s");
            now += pause * SECOND;
            breaker.admit(now).expect("a probe").failed(now);
        }
    }

    #[test]
    fn calls_that_were_under_way_when_it_opened_change_nothing() {
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
