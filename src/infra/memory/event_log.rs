use crate::{
    app::{EventFilter, EventLog, EventLogBounds, EventLogSlice, LoggedEvent, RepoError, encode_data},
    domain::{OrderId, TenantId},
};

use super::{MemoryStore, state::StoredEvent};

impl EventLog for MemoryStore {
    async fn bounds(&self, tenant: Option<&TenantId>) -> Result<EventLogBounds, RepoError> {
        let committed = self.shared.committed();
        let last = match tenant {
            None => committed.events.len() as u64,
            Some(tenant) => committed.sequences.get(tenant).copied().unwrap_or(0),
        };
        Ok(EventLogBounds { first: 1, last })
    }

    async fn slice(
        &self,
        filter: &EventFilter,
        after: u64,
        span: u64,
        limit: usize,
    ) -> Result<EventLogSlice, RepoError> {
        let bounds = self.bounds(filter.tenant.as_ref()).await?;
        let until = after.saturating_add(span).min(bounds.last).max(after);
        let committed = self.shared.committed();
        let numbers = after + 1..=until;
        let events = committed.events.iter().map(logged);
        let is_wanted = |event: &LoggedEvent| filter.admits(event) && numbers.contains(&filter.number(event));
        let wanted = events.filter(|event| event.as_ref().map_or(true, is_wanted));
        let events: Vec<_> = wanted.take(limit).collect::<Result<_, _>>()?;
        Ok(EventLogSlice::new(bounds, events, limit, until, filter))
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
        let of_order = |stored: &&StoredEvent| {
            stored.tenant == *tenant && stored.event.order_id == id && stored.event.version > after
        };
        committed.events.iter().filter(of_order).take(limit).map(logged).collect()
    }

    async fn news(&self) {
        self.shared.news.notified().await;
    }
}

fn logged(stored: &StoredEvent) -> Result<LoggedEvent, RepoError> {
    let StoredEvent { numbers, tenant, cause, event } = stored;
    let data = encode_data(&event.kind).map_err(|error| RepoError::Backend(error.into()))?;
    Ok(LoggedEvent::new(*numbers, tenant, cause.clone(), event, data))
}
