use std::{collections::VecDeque, sync::Arc};

use crate::app::{
    Backlog, EventBus, EventFilter, EventLog, Lagged, LoggedEvent, Ports, ReadEvents, ReadEventsError,
    ReadEventsRequest, RepoError, Subscription,
};

/// Follows the log: what is there, and then what comes, as it comes.
#[derive(Debug)]
pub struct FollowEvents<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct FollowEventsRequest {
    pub filter: EventFilter,
    /// The last position that the follower has; where there is none, it begins with what comes next.
    pub after: Option<u64>,
}

/// Events one by one, by position, none left out and none twice.
#[derive(Debug)]
pub struct EventStream<P: Ports> {
    ports: P,
    filter: EventFilter,
    subscription: <P::Bus as EventBus>::Subscription,
    /// Up to here, all that the filter lets through was told.
    position: u64,
    /// What was read of the log and not told yet, and how far it was read.
    page: VecDeque<LoggedEvent>,
    page_ends: u64,
    /// Whether there may be more in the log: the bus has nothing of the past.
    behind: bool,
    /// How often the bus was too fast since the follower last had everything.
    lags: u32,
}

/// So often the bus may be too fast for a follower who never catches up. Once is no sign of slowness: a burst of events,
/// written at once, is published faster than any network takes it.
const PATIENCE: u32 = 8;

/// Why a stream ends. What comes behind its position can be followed by a new one.
#[derive(Debug, thiserror::Error)]
pub enum EventStreamError {
    /// The follower is slower than the events come.
    #[error(transparent)]
    Lagged(#[from] Lagged),
    #[error(transparent)]
    Read(#[from] ReadEventsError),
}

impl<P: Ports> FollowEvents<'_, P> {
    pub async fn execute(&self, request: FollowEventsRequest) -> Result<EventStream<P>, ReadEventsError> {
        let FollowEventsRequest { filter, after } = request;
        // Before the log is read: what comes from now on is in one of the two, or in both.
        let subscription = self.0.bus().subscribe();
        let bounds = self.0.store().log_bounds().await?;
        let position = after.unwrap_or(bounds.last);
        if position + 1 < bounds.first {
            return Err(ReadEventsError::Retired { first: bounds.first });
        }
        let (ports, page) = (self.0.clone(), VecDeque::new());
        Ok(EventStream { ports, filter, subscription, position, page, page_ends: position, behind: true, lags: 0 })
    }
}

impl<P: Ports> EventStream<P> {
    /// Up to here, all that the filter lets through was told.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Waits for the next event. A call that is dropped loses nothing.
    pub async fn next(&mut self) -> Result<Arc<LoggedEvent>, EventStreamError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.position = event.position;
                return Ok(Arc::new(event));
            }
            self.position = self.position.max(self.page_ends);
            if self.behind {
                // On the heap: a stream that only waits stays small.
                match Box::pin(self.read_on()).await {
                    // The store comes back, and the follower has missed nothing: it waits.
                    Err(EventStreamError::Read(ReadEventsError::Store(RepoError::Unavailable(_)))) => {
                        self.ports.store().news().await;
                    }
                    read => read?,
                }
                continue;
            }
            if self.subscription.backlog() == Backlog::None {
                self.lags = 0;
            }
            match self.subscription.next().await {
                Err(lagged) => self.bear(lagged)?,
                Ok(event) if event.position > self.position + 1 => self.behind = true,
                Ok(event) if event.position == self.position + 1 => {
                    self.position = event.position;
                    if self.filter.admits(&event) {
                        return Ok(event);
                    }
                }
                // It was in the log already.
                Ok(_) => {}
            }
        }
    }

    /// Reads on in the log, one statement long: a call that is dropped has not read far for nothing.
    async fn read_on(&mut self) -> Result<(), EventStreamError> {
        if self.lags > 0 && self.subscription.backlog() == Backlog::Lost {
            self.bear(Lagged)?;
        }
        let limit = ReadEvents::<P>::DEFAULT_LIMIT;
        let asked = ReadEventsRequest { filter: self.filter.clone(), after: self.position, limit };
        let page = ReadEvents(&self.ports).step(&asked).await?;
        self.behind = page.position > self.position;
        self.page_ends = page.position;
        self.page = page.events.into();
        Ok(())
    }

    /// What the bus threw away is in the log. A follower who cannot keep up with it that way either is given up.
    fn bear(&mut self, lagged: Lagged) -> Result<(), Lagged> {
        self.lags += 1;
        if self.lags > PATIENCE {
            return Err(lagged);
        }
        self.subscription = self.ports.bus().subscribe();
        self.behind = true;
        Ok(())
    }
}

impl From<RepoError> for EventStreamError {
    fn from(error: RepoError) -> Self {
        Self::Read(error.into())
    }
}
