use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

/// How often a start that waits logs the reason.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Why a start is not at its end yet, for the log and for readiness.
pub(super) struct Progress {
    publish: Box<dyn Fn(&str)>,
    last: RefCell<Option<(String, Instant)>>,
}

impl Progress {
    pub(super) fn new(publish: impl Fn(&str) + 'static) -> Self {
        Self { publish: Box::new(publish), last: RefCell::new(None) }
    }

    /// Called over and over while the start waits. The log gets a line at once, and then now and then.
    pub(super) fn is_not_ready(&self, reason: &str) {
        let mut last = self.last.borrow_mut();
        match last.as_mut() {
            Some((before, reported)) if before == reason => {
                if reported.elapsed() >= REPORT_EVERY {
                    *reported = Instant::now();
                    log::warn!("still not ready: {reason}");
                }
                return;
            }
            _ => *last = Some((reason.to_owned(), Instant::now())),
        }
        log::info!("not ready yet: {reason}");
        (self.publish)(reason);
    }
}
