use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    app::{LogBounds, LogSlice, LoggedEvent},
    infra::events::event_data,
};

use super::group_commit::TenantEvent;

/// The end of the log as this process wrote it, for the one reader who follows it: what is told as soon as it is
/// committed need not be read back. Positions have no holes, so what others wrote in between cannot be missed.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentEvents(Arc<Mutex<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    /// Without holes. Those that were taken are gone.
    events: VecDeque<LoggedEvent>,
    /// Of the first event that was not retired, as it was last read.
    first: u64,
}

/// A reader who is further behind reads the log.
const MAX_EVENTS: usize = 4096;

impl RecentEvents {
    /// Events were committed, with the positions that begin with this one.
    pub(super) fn committed<'a>(&self, first: u64, events: impl Iterator<Item = TenantEvent<'a>>) {
        let mut recent = self.lock();
        if recent.events.back().is_some_and(|last| last.position + 1 != first) {
            recent.events.clear();
        }
        let logged = (first..)
            .zip(events)
            .map(|(position, (tenant, event, data))| event_data::logged(position, tenant, event, data.to_owned()));
        recent.events.extend(logged);
        let surplus = recent.events.len().saturating_sub(MAX_EVENTS);
        recent.events.drain(..surplus);
    }

    /// The first `limit` events behind `after`, if they are here.
    pub(super) fn take(&self, after: u64, limit: usize) -> Option<LogSlice> {
        let mut recent = self.lock();
        let here = recent.events.front()?.position..=recent.events.back()?.position;
        let known = usize::try_from((after + 1).checked_sub(*here.start())?).ok()?;
        if !here.contains(&(after + 1)) {
            return None;
        }
        let bounds = LogBounds { first: recent.first.max(1), last: *here.end() };
        recent.events.drain(..known);
        let taken = recent.events.len().min(limit);
        let events = recent.events.drain(..taken).collect();
        Some(LogSlice::new(bounds, events, limit, bounds.last))
    }

    /// What the log said of itself when it was read.
    pub(super) fn set_bounds(&self, bounds: LogBounds) {
        self.lock().first = bounds.first;
    }

    /// Held to move events: a panic of another thread leaves nothing half-done.
    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
