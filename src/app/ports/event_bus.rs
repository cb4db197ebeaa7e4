use std::{fmt, future::Future, sync::Arc};

use crate::app::LoggedEvent;

/// Tells events to whoever subscribes, in the order in which they are published. It follows the log, never a request.
pub trait EventBus: Clone + Send + Sync + 'static {
    type Subscription: Subscription;

    /// Never waits for a subscriber.
    fn publish(&self, event: Arc<LoggedEvent>);

    /// Everything that is published from now on.
    fn subscribe(&self) -> Self::Subscription;
}

pub trait Subscription: fmt::Debug + Send + Sync + 'static {
    /// Waits for the next event. A call that is dropped loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<Arc<LoggedEvent>, Lagged>> + Send;

    /// How it is with what was published and not taken yet.
    fn backlog(&self) -> Backlog;
}

/// How far a subscriber is behind the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// It has taken everything.
    None,
    Some,
    /// So far that events for it were thrown away.
    Lost,
}

/// The subscriber was so slow that events for it were thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber is slower than the events come")]
pub struct Lagged;
