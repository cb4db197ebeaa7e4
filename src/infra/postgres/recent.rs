use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    app::{Cause, EventFilter, EventLogBounds, EventLogSlice, LoggedEvent, Numbers},
    domain::{OrderEvent, TenantId},
};

/// An event that is about to be written, or was.
#[derive(Clone, Copy)]
pub(super) struct StagedEvent<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) cause: &'a Cause,
    pub(super) event: &'a OrderEvent,
    /// Encoded.
    pub(super) data: &'a str,
}

/// The last events that this process committed. The follower of the event log takes them from here, and need not read them
/// back. Positions are dense, so a gap shows the follower that another instance has written.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentEvents(Arc<Mutex<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    /// At consecutive positions. The follower takes events out.
    events: VecDeque<LoggedEvent>,
    /// The first position that is not retired, as the follower last read it.
    first: u64,
}

/// A follower that is further behind reads the database.
const MAX_EVENTS: usize = 4096;

impl RecentEvents {
    /// The events were committed at the positions from `first` on, each with its sequence.
    pub(super) fn committed<'a>(&self, first: u64, events: impl Iterator<Item = (StagedEvent<'a>, u64)>) {
        let mut recent = self.lock();
        if recent.events.back().is_some_and(|last| last.numbers.position + 1 != first) {
            recent.events.clear();
        }
        let logged = (first..).zip(events).map(|(position, (staged, sequence))| {
            let StagedEvent { tenant, cause, event, data } = staged;
            LoggedEvent::new(Numbers { position, sequence }, tenant, cause.clone(), event, data.to_owned())
        });
        recent.events.extend(logged);
        let surplus = recent.events.len().saturating_sub(MAX_EVENTS);
        recent.events.drain(..surplus);
    }

    /// The first `limit` events after `after`. `None` if the next one is not here.
    pub(super) fn take(&self, after: u64, limit: usize) -> Option<EventLogSlice> {
        let mut recent = self.lock();
        let here = recent.events.front()?.numbers.position..=recent.events.back()?.numbers.position;
        let known = usize::try_from((after + 1).checked_sub(*here.start())?).ok()?;
        if !here.contains(&(after + 1)) {
            return None;
        }
        let bounds = EventLogBounds { first: recent.first.max(1), last: *here.end() };
        recent.events.drain(..known);
        let taken = recent.events.len().min(limit);
        let events = recent.events.drain(..taken).collect();
        Some(EventLogSlice::new(bounds, events, limit, bounds.last, &EventFilter::default()))
    }

    /// The follower has read these bounds from the database.
    pub(super) fn set_bounds(&self, bounds: EventLogBounds) {
        self.lock().first = bounds.first;
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
