use std::{collections::VecDeque, sync::Arc};

use super::{
    EventBus, EventFilter, EventLog, Lagged, LoggedEvent, Ports, ReadEvents, ReadEventsError, ReadEventsRequest,
    RepoError, Subscription,
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
    position: u64,
    /// Whether everything up to `position` came from the log, and there may be more: the bus has nothing of the past.
    behind: bool,
    /// What was read of the log and not told yet.
    page: VecDeque<LoggedEvent>,
}

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
        let ports = self.0.clone();
        Ok(EventStream { ports, filter, subscription, position, behind: true, page: VecDeque::new() })
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
            if self.behind {
                // On the heap: a stream that only waits stays small.
                Box::pin(self.catch_up()).await?;
                continue;
            }
            let event = self.subscription.next().await?;
            if event.position > self.position + 1 {
                self.behind = true;
            } else if event.position == self.position + 1 {
                self.position = event.position;
                if self.filter.admits(&event) {
                    return Ok(event);
                }
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), ReadEventsError> {
        let limit = ReadEvents::<P>::DEFAULT_LIMIT;
        let asked = ReadEventsRequest { filter: self.filter.clone(), after: self.position, limit };
        let page = ReadEvents(&self.ports).execute(&asked).await?;
        self.behind = page.position > self.position;
        if page.events.is_empty() {
            self.position = page.position;
        }
        self.page = page.events.into();
        Ok(())
    }
}

impl From<RepoError> for EventStreamError {
    fn from(error: RepoError) -> Self {
        Self::Read(error.into())
    }
}
