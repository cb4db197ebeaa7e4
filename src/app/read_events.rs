use super::{EventFilter, EventLog, LoggedEvent, Ports, RepoError};

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
    const WINDOW: u64 = 10_000;
    const WINDOWS: usize = 100;
}

impl<P: Ports> ReadEvents<'_, P> {
    /// A page with fewer events than the limit ends at the end of the log, or where enough was looked through for one request.
    pub async fn execute(&self, request: &ReadEventsRequest) -> Result<EventPage, ReadEventsError> {
        let ReadEventsRequest { filter, after, limit } = request;
        let store = self.0.store();
        let last = store.log_bounds().await?.last;
        let mut page = EventPage { events: Vec::new(), position: *after };
        for _ in 0..Self::WINDOWS {
            let missing = limit - page.events.len();
            if missing == 0 || page.position >= last {
                break;
            }
            // An index leads to the events of an order; all others are looked for along the log.
            let until = if filter.order_id.is_some() { last } else { last.min(page.position + Self::WINDOW) };
            let found = store.events(filter, page.position, until, missing).await?;
            page.position = match found.last() {
                Some(event) if found.len() == missing => event.position,
                _ => until,
            };
            page.events.extend(found);
        }
        // Looked at last: what was retired while it was read counts.
        let first = store.log_bounds().await?.first;
        if after + 1 < first { Err(ReadEventsError::Retired { first }) } else { Ok(page) }
    }
}
