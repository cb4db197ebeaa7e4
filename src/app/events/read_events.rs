use crate::app::{EventFilter, EventLog, EventLogBounds, EventLogSlice, LoggedEvent, Ports, RepoError};

/// Reads the event log from a place on. With a tenant, all numbers here are sequences of that tenant; else they are positions.
#[derive(Debug)]
pub struct ReadEvents<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct ReadEventsRequest {
    pub filter: EventFilter,
    /// The last number that the reader has; 0 for none.
    pub after: u64,
    /// 1 to [`ReadEvents::MAX_LIMIT`].
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// By number.
    pub events: Vec<LoggedEvent>,
    /// The number to continue from: up to here, the reader has every event that matches the filter.
    pub position: u64,
    /// The newest number.
    pub last: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadEventsError {
    /// Events behind the requested number are no longer kept. The first kept one has the number `first`.
    #[error("the event log begins at position {first}")]
    Retired { first: u64 },
    /// The last event has the number `last`, before the requested one: the event log was restored from an older state.
    #[error("the event log ends at position {last}")]
    Ahead { last: u64 },
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl EventLogBounds {
    /// A reader can go on from a number if the event log has it, and everything behind it.
    pub(crate) const fn admit(self, after: u64) -> Result<(), ReadEventsError> {
        let Self { first, last } = self;
        if after > last {
            Err(ReadEventsError::Ahead { last })
        } else if after + 1 < first {
            Err(ReadEventsError::Retired { first })
        } else {
            Ok(())
        }
    }
}

impl<P> ReadEvents<'_, P> {
    pub const DEFAULT_LIMIT: usize = 100;
    pub const MAX_LIMIT: usize = 1000;

    /// The positions that one statement searches, and the statements that one page may take.
    const SPAN: u64 = 10_000;
    const STATEMENTS: usize = 100;
}

impl<P: Ports> ReadEvents<'_, P> {
    /// A page with fewer events than the limit ends at the end of the event log, or after the most statements of a page.
    pub async fn execute(&self, request: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
        let mut rest = request.clone();
        let mut page = self.step(&rest).await?;
        for _ in 1..Self::STATEMENTS {
            if page.events.len() == request.limit || page.position >= page.last {
                break;
            }
            rest.after = page.position;
            rest.limit = request.limit - page.events.len();
            let step = self.step(&rest).await?;
            page.events.extend(step.events);
            page = EventPage { events: page.events, ..step };
        }
        Ok(page)
    }

    /// Reads with one statement. The position of the page moves ahead, unless the event log has no more.
    pub(crate) async fn step(&self, request: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
        let ReadEventsRequest { filter, after, limit } = request;
        // An index finds the events of an order. Other filters search the event log by number.
        let span = if filter.tenant.is_some() && filter.order_id.is_some() { u64::MAX } else { Self::SPAN };
        let slice = self.0.store().slice(filter, *after, span, *limit).await?;
        let EventLogSlice { bounds, events, position } = slice;
        bounds.admit(*after)?;
        Ok(EventPage { events, position, last: bounds.last })
    }
}
