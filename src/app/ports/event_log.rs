use std::future::Future;

use crate::{
    app::{EventFilter, LoggedEvent},
    domain::{OrderId, TenantId},
};

use super::RepoError;

/// The log: what happened, in the order of the commits. Nobody sees a position before the one ahead of it.
pub trait EventLog: Clone + Send + Sync + 'static {
    fn log_bounds(&self) -> impl Future<Output = Result<LogBounds, RepoError>> + Send;

    /// Of the `span` positions behind `after`, the first `limit` events that the filter lets through.
    fn slice(
        &self,
        filter: &EventFilter,
        after: u64,
        span: u64,
        limit: usize,
    ) -> impl Future<Output = Result<LogSlice, RepoError>> + Send;

    /// The first `limit` events behind `after`, for the one reader of the process that everyone else waits for:
    /// no burst of other queries is in its way.
    fn tail(&self, after: u64, limit: usize) -> impl Future<Output = Result<LogSlice, RepoError>> + Send;

    /// The first `limit` events of one order behind this version, by version.
    fn history(
        &self,
        tenant: &TenantId,
        id: OrderId,
        after: u32,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LoggedEvent>, RepoError>> + Send;

    /// Resolves when the log may have grown: at once after a commit of this process, and often enough for those of others.
    fn news(&self) -> impl Future<Output = ()> + Send;
}

/// The positions that the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// Of the first event that was not retired; where all were, of the next one to come.
    pub first: u64,
    /// Of the newest event ever; 0 before the first one.
    pub last: u64,
}

/// A part of the log, as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSlice {
    pub bounds: LogBounds,
    /// By position.
    pub events: Vec<LoggedEvent>,
    /// Up to here, all that the filter lets through is among the events.
    pub position: u64,
}

impl LogSlice {
    /// What was found by a statement that looked up to `until` for `limit` events.
    pub fn new(bounds: LogBounds, events: Vec<LoggedEvent>, limit: usize, until: u64) -> Self {
        let full = events.last().filter(|_| events.len() == limit);
        let position = full.map_or(until, |event| event.position);
        Self { bounds, events, position }
    }
}
