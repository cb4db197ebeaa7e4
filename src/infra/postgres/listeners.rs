use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use tokio::sync::Notify;

use crate::{app::event_type, infra::observability::Metrics};

use super::recent::{RecentEvents, StagedEvent};

/// The parts of this process that every commit is reported to: the follower of the event log and the metrics.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    /// Wakes the follower.
    pub(super) news: Arc<Notify>,
    pub(super) recent: RecentEvents,
    metrics: Arc<OnceLock<Metrics>>,
}

impl Listeners {
    /// The first call decides.
    pub(super) fn report_to(&self, metrics: &Metrics) {
        let _ = self.metrics.set(metrics.clone());
    }

    /// A transaction begins to write change sets that were queued at these moments.
    pub(super) fn begun(&self, queued_at: impl Iterator<Item = Instant>) {
        if let Some(metrics) = self.metrics.get() {
            metrics.commit_waited(queued_at.map(|queued_at| queued_at.elapsed()));
        }
    }

    /// A transaction has committed so many change sets, with these events at the positions from `first` on, each with its
    /// sequence.
    pub(super) fn committed<'a>(
        &self,
        change_sets: usize,
        first: u64,
        events: impl Iterator<Item = (StagedEvent<'a>, u64)> + Clone,
    ) {
        self.recent.committed(first, events.clone());
        self.news.notify_one();
        if let Some(metrics) = self.metrics.get() {
            metrics.committed(change_sets, events.map(|(staged, _)| event_type(&staged.event.kind)));
        }
    }
}
