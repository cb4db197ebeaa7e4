use std::time::{Duration, Instant};

/// How often a long run reports its progress.
const INTERVAL: Duration = Duration::from_secs(5);

/// Reports the progress of a long run at intervals.
pub(super) struct Progress<F> {
    report: F,
    reported_at: Instant,
}

impl<F: FnMut(&str)> Progress<F> {
    pub(super) fn new(report: F) -> Self {
        Self { report, reported_at: Instant::now() }
    }

    pub(super) fn at(&mut self, place: impl FnOnce() -> String) {
        if self.reported_at.elapsed() >= INTERVAL {
            self.reported_at = Instant::now();
            (self.report)(&place());
        }
    }
}
