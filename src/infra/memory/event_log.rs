use crate::{
    app::{EventFilter, EventLog, EventLogBounds, EventLogSlice, LoggedEvent, RepoError, encode_data},
    domain::{OrderEvent, OrderId, TenantId},
};

use super::MemoryStore;

impl EventLog for MemoryStore {
    async fn bounds(&self) -> Result<EventLogBounds, RepoError> {
        let last = self.shared.committed().events.len() as u64;
        Ok(EventLogBounds { first: 1, last })
    }

    async fn slice(
        &self,
        filter: &EventFilter,
        after: u64,
        span: u64,
        limit: usize,
    ) -> Result<EventLogSlice, RepoError> {
        let bounds = self.bounds().await?;
        let committed = self.shared.committed();
        let until = after.saturating_add(span).min(bounds.last).max(after);
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let events = (1..=until).zip(&committed.events).skip(skipped).map(|(position, event)| logged(position, event));
        let wanted = events.filter(|event| event.as_ref().map_or(true, |event| filter.admits(event)));
        let events: Vec<_> = wanted.take(limit).collect::<Result<_, _>>()?;
        Ok(EventLogSlice::new(bounds, events, limit, until))
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<EventLogSlice, RepoError> {
        self.slice(&EventFilter::default(), after, u64::MAX, limit).await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: OrderId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, RepoError> {
        let committed = self.shared.committed();
        let events = (1..)
            .zip(&committed.events)
            .filter(|(_, (owner, event))| owner == tenant && event.order_id == id && event.version > after);
        events.take(limit).map(|(position, event)| logged(position, event)).collect()
    }

    async fn news(&self) {
        self.shared.news.notified().await;
    }
}

fn logged(position: u64, (tenant, event): &(TenantId, OrderEvent)) -> Result<LoggedEvent, RepoError> {
    let data = encode_data(&event.kind).map_err(|error| RepoError::Backend(error.into()))?;
    Ok(LoggedEvent::new(position, tenant, event, data))
}
