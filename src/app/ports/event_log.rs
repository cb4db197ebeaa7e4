use std::future::Future;

use crate::{
    app::{EventFilter, LoggedEvent},
    domain::{OrderId, TenantId},
};

use super::RepoError;

/// The event log: every event, in commit order. No reader sees a position before the previous one.
pub trait EventLog: Clone + Send + Sync + 'static {
    /// The bounds of the tenant's part, by sequence; without a tenant those of the whole log, by position.
    fn bounds(&self, tenant: Option<&TenantId>) -> impl Future<Output = Result<EventLogBounds, RepoError>> + Send;

    /// The first `limit` events behind `after` that match the filter, searching `span` numbers. A filter by tenant counts by
    /// sequences, and reads the part of that tenant only. Another one counts by positions.
    fn slice(
        &self,
        filter: &EventFilter,
        after: u64,
        span: u64,
        limit: usize,
    ) -> impl Future<Output = Result<EventLogSlice, RepoError>> + Send;

    /// The first `limit` events of all tenants behind the position `after`, for the one reader that all subscribers of the
    /// process wait for. Other queries do not delay it.
    fn tail(&self, after: u64, limit: usize) -> impl Future<Output = Result<EventLogSlice, RepoError>> + Send;

    /// The first `limit` events of one order behind the version `after`, by version.
    fn history(
        &self,
        tenant: &TenantId,
        id: OrderId,
        after: u32,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LoggedEvent>, RepoError>> + Send;

    /// Resolves when the event log may have grown: at once after a commit of this process, and at short intervals for the
    /// commits of others.
    fn news(&self) -> impl Future<Output = ()> + Send;
}

/// The numbers of the event log, or of the part of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLogBounds {
    /// The number of the oldest event that is kept. If none is, the number of the next event.
    pub first: u64,
    /// The number of the newest event; 0 before the first event.
    pub last: u64,
}

/// A part of the event log, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLogSlice {
    pub bounds: EventLogBounds,
    /// By number.
    pub events: Vec<LoggedEvent>,
    /// Up to this number, the events include everything that matches the filter.
    pub position: u64,
}

impl EventLogSlice {
    /// The result of a statement that searched up to `until` for at most `limit` events.
    pub fn new(
        bounds: EventLogBounds,
        events: Vec<LoggedEvent>,
        limit: usize,
        until: u64,
        filter: &EventFilter,
    ) -> Self {
        let full = events.last().filter(|_| events.len() == limit);
        let position = full.map_or(until, |event| filter.number(event));
        Self { bounds, events, position }
    }
}
