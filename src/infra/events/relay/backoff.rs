use std::time::Duration;

/// The pauses between attempts: they grow while the attempts fail, and differ, so that instances do not try at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    /// The pause before the next attempt: between half and all of the current length.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(Self::LONGEST);
        pause
    }

    /// An attempt has succeeded.
    pub(super) const fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Self::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses.first().is_some_and(|first| *first <= Backoff::FIRST));
        assert!(pauses.last().is_some_and(|last| (Backoff::LONGEST / 2..=Backoff::LONGEST).contains(last)));
        backoff.reset();
        assert!(backoff.pause() <= Backoff::FIRST);
    }
}
