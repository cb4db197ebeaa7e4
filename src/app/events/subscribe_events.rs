use std::{collections::VecDeque, sync::Arc};

use crate::app::{
    Backlog, EventBus, EventFilter, EventLog, Lagged, LoggedEvent, Ports, Publication, ReadEvents, ReadEventsError,
    ReadEventsRequest, RepoError, Subscription,
};

/// Follows the event log: the stored events, and then each new one as it is published.
#[derive(Debug)]
pub struct SubscribeEvents<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct SubscribeEventsRequest {
    pub filter: EventFilter,
    /// The last number that the subscriber has, by the filter's way of counting; `None` to begin with the next new event.
    pub after: Option<u64>,
}

/// Events one by one, by number, each exactly once.
#[derive(Debug)]
pub struct EventStream<P: Ports> {
    ports: P,
    filter: EventFilter,
    subscription: <P::Bus as EventBus>::Subscription,
    /// Up to here, every event that matches the filter was returned.
    position: u64,
    /// The events that were read and not returned yet, and the position up to which was read.
    page: VecDeque<LoggedEvent>,
    page_ends: u64,
    /// How many events one read of the event log returns, at most.
    page_limit: usize,
    /// Whether the event log may have more. The bus has no past events.
    behind: bool,
    /// How often the subscription lagged since the subscriber last had every event.
    lags: u32,
}

/// How often a subscription may lag before its stream ends, if the subscriber never catches up in between. One lag is no
/// sign of a slow subscriber: the service publishes a burst faster than any network sends it.
const MAX_LAGS: u32 = 8;

/// Why a stream ends. A new stream can continue from its position.
#[derive(Debug, thiserror::Error)]
pub enum EventStreamError {
    /// The subscriber is slower than the events come.
    #[error(transparent)]
    Lagged(#[from] Lagged),
    #[error(transparent)]
    Read(#[from] ReadEventsError),
}

impl<P: Ports> SubscribeEvents<'_, P> {
    pub async fn execute(&self, request: SubscribeEventsRequest) -> Result<EventStream<P>, ReadEventsError> {
        let SubscribeEventsRequest { filter, after } = request;
        // Before the event log is read, so that every event is in one of the two, or in both.
        let subscription = self.0.bus().subscribe();
        let bounds = self.0.store().bounds(filter.tenant.as_ref()).await?;
        let position = after.unwrap_or(bounds.last);
        bounds.admit(position)?;
        let (ports, page) = (self.0.clone(), VecDeque::new());
        Ok(EventStream {
            ports,
            filter,
            subscription,
            position,
            page,
            page_ends: position,
            page_limit: ReadEvents::<P>::DEFAULT_LIMIT,
            behind: true,
            lags: 0,
        })
    }
}

impl<P: Ports> EventStream<P> {
    pub const fn filter(&self) -> &EventFilter {
        &self.filter
    }

    /// Up to here, every event that matches the filter was returned.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Waits for the next event. A call that is dropped loses nothing.
    pub async fn next(&mut self) -> Result<Arc<LoggedEvent>, EventStreamError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.position = self.filter.number(&event);
                return Ok(Arc::new(event));
            }
            self.position = self.position.max(self.page_ends);
            if self.behind {
                // Boxed, so that a stream that only waits stays small.
                match Box::pin(self.read_on()).await {
                    // Nothing is lost while the store is unavailable, so the stream waits for it.
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
                Err(lagged) => self.count_lag(lagged)?,
                Ok(publication) => {
                    if let Some(event) = self.receive(publication) {
                        return Ok(event);
                    }
                }
            }
        }
    }

    /// Waits for the next event, and returns it with those behind it that are here already: `limit` at most. Reads of the event
    /// log return as many. For a subscriber that drops no call.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Vec<Arc<LoggedEvent>>, EventStreamError> {
        self.page_limit = limit;
        let mut batch = vec![self.next().await?];
        while batch.len() < limit {
            if let Some(event) = self.page.pop_front() {
                self.position = self.filter.number(&event);
                batch.push(Arc::new(event));
            } else if self.behind || self.page_ends > self.position || self.subscription.backlog() != Backlog::Some {
                break;
            } else {
                match self.subscription.next().await {
                    Ok(publication) => batch.extend(self.receive(publication)),
                    // The next call counts it: these events are received.
                    Err(Lagged) => self.behind = true,
                }
            }
        }
        Ok(batch)
    }

    /// The event, if the subscriber wants it and it is the next one.
    fn receive(&mut self, publication: Publication) -> Option<Arc<LoggedEvent>> {
        let Publication::Event(event) = publication else {
            // The stream ends at its next read if it has more than the event log.
            self.behind = true;
            return None;
        };
        if !self.filter.counts(&event) {
            return None;
        }
        match self.filter.number(&event) {
            number if number > self.position + 1 => self.behind = true,
            number if number == self.position + 1 => {
                self.position = number;
                return self.filter.admits(&event).then_some(event);
            }
            // The event log had it already.
            _ => {}
        }
        None
    }

    /// Reads the next part of the event log with one statement, so that a dropped call loses little work.
    async fn read_on(&mut self) -> Result<(), EventStreamError> {
        if self.lags > 0 && self.subscription.backlog() == Backlog::Lost {
            self.count_lag(Lagged)?;
        }
        let limit = self.page_limit;
        let request = ReadEventsRequest { filter: self.filter.clone(), after: self.position, limit };
        let page = ReadEvents(&self.ports).step(&request).await?;
        self.behind = page.position > self.position;
        self.page_ends = page.position;
        self.page = page.events.into();
        Ok(())
    }

    /// Reads the discarded events from the event log, unless the subscription has lagged too often.
    fn count_lag(&mut self, lagged: Lagged) -> Result<(), Lagged> {
        self.lags += 1;
        if self.lags > MAX_LAGS {
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
