use std::{fmt, future::Future, sync::Arc};

use crate::app::LoggedEvent;

/// What a bus sends to its subscribers.
#[derive(Clone, Debug)]
pub enum Publication {
    Event(Arc<LoggedEvent>),
    /// What was published may not be what the event log has: publishing begins, or the log was restored from an older state.
    /// Subscribers read the log.
    Resync,
}

/// Sends each published event to every subscriber, in the order of publishing. Its events come from the event log, and
/// never from a request.
pub trait EventBus: Clone + Send + Sync + 'static {
    type Subscription: Subscription;

    /// Does not wait for a subscriber.
    fn publish(&self, publication: Publication);

    /// Receives everything that is published from now on.
    fn subscribe(&self) -> Self::Subscription;
}

pub trait Subscription: fmt::Debug + Send + Sync + 'static {
    /// Waits for the next publication. A call that is dropped loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<Publication, Lagged>> + Send;

    /// Whether published events wait to be received.
    fn backlog(&self) -> Backlog;
}

/// How far a subscriber is behind the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// It has received every event.
    None,
    Some,
    /// So far that events for it were discarded.
    Lost,
}

/// The subscriber was so slow that events for it were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber is slower than the events come")]
pub struct Lagged;
