use std::{future::Future, sync::Arc, time::Duration};

use crate::app::{BoxError, LoggedEvent};

use super::{FirstPosition, Lease, SinkKind};

/// A destination of the events of all tenants. The relay delivers to it: at least once, and the events of each order in
/// their order. A new sink implements this port, and nothing else.
pub trait EventSink: Send + Sync + 'static {
    type Connection: SinkConnection;

    /// Whether the destination accepts no event of an order after it refused an earlier one. If it may, the relay sends the
    /// next event of an order when the one before is acknowledged.
    const KEEPS_ORDER: bool;

    const KIND: SinkKind;

    /// Where the sink begins when it is new.
    const BEGINS: FirstPosition = FirstPosition::Start;

    /// The least time between two calls of `send`, unless many events wait: for a sink whose calls cost more than its events.
    const LINGER: Duration = Duration::ZERO;

    /// How long one attempt to connect may take.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// What the sink is called in `/sinks`, in logs and in metrics, e.g. `rabbitmq`.
    fn name(&self) -> &'static str;

    /// Connects. The relay repeats a failed attempt after a pause, and gives up one that takes too long.
    fn connect(&self, lease: &Lease) -> impl Future<Output = Result<Self::Connection, SinkError>> + Send;
}

/// A connection to the destination. The relay drops it after an error, and connects again.
pub trait SinkConnection: Send + 'static {
    /// The position of the last event that the destination has, if it stores its cursor itself, in the transaction of what
    /// it writes: each event then counts exactly once.
    fn cursor(&self) -> Option<u64> {
        None
    }

    /// Sends the events in their order, behind those of earlier calls. It may wait until the destination takes them, but not
    /// for acknowledgements. The relay gives up a call that takes too long.
    fn send(&mut self, events: &[Arc<LoggedEvent>]) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Waits for the next outcomes of sent events. A call that is dropped loses none.
    fn outcomes(&mut self) -> impl Future<Output = Result<Vec<SinkOutcome>, SinkError>> + Send;
}

/// What became of a sent event.
#[derive(Debug)]
pub struct SinkOutcome {
    pub position: u64,
    /// `Err` if the destination refused this event. The relay sends it again after a pause.
    pub result: Result<(), SinkError>,
}

/// Why a destination does not take events now. The text is for operators, and has no secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub BoxError);

impl SinkError {
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}
