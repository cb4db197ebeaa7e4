use crate::app::{EventFilter, EventLog, LogBounds, LogSlice, LoggedEvent, Ports, RepoError};

/// Reads the log from a position on.
#[derive(Debug)]
pub struct ReadEvents<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct ReadEventsRequest {
    pub filter: EventFilter,
    /// The last position that the reader has; 0 for none.
    pub after: u64,
    /// 1 to [`ReadEvents::MAX_LIMIT`].
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// By position.
    pub events: Vec<LoggedEvent>,
    /// Where to go on: up to here, the reader has all that the filter lets through.
    pub position: u64,
    /// The newest position of the log.
    pub last: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadEventsError {
    /// Events behind the asked position are no longer kept; the log begins with position `first`.
    #[error("the log begins at position {first}")]
    Retired { first: u64 },
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P> ReadEvents<'_, P> {
    pub const DEFAULT_LIMIT: usize = 100;
    pub const MAX_LIMIT: usize = 1000;

    /// How many positions a statement looks through for what a filter lets through, and how many statements a page may cost.
    const SPAN: u64 = 10_000;
    const STATEMENTS: usize = 100;
}

impl<P: Ports> ReadEvents<'_, P> {
    /// A page with fewer events than the limit ends at the end of the log, or where enough was looked through for one request.
    pub async fn execute(&self, request: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
        let mut asked = request.clone();
        let mut page = self.step(&asked).await?;
        for _ in 1..Self::STATEMENTS {
            if page.events.len() == request.limit || page.position >= page.last {
                break;
            }
            asked.after = page.position;
            asked.limit = request.limit - page.events.len();
            let step = self.step(&asked).await?;
            page.events.extend(step.events);
            page = EventPage { events: page.events, ..step };
        }
        Ok(page)
    }

    /// What one statement finds. Its position is ahead of where it began unless there is nothing more.
    pub(crate) async fn step(&self, request: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
        let ReadEventsRequest { filter, after, limit } = request;
        // An index leads to the events of an order; all others are looked for along the log.
        let span = if filter.tenant.is_some() && filter.order_id.is_some() { u64::MAX } else { Self::SPAN };
        let slice = self.0.store().slice(filter, *after, span, *limit).await?;
        let LogSlice { bounds: LogBounds { first, last }, events, position } = slice;
        if after + 1 < first {
            Err(ReadEventsError::Retired { first })
        } else {
            Ok(EventPage { events, position, last })
        }
    }
}
