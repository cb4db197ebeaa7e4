use std::{future::Future, time::Duration};

use time::OffsetDateTime;

use super::RepoError;

/// The cursors of the sinks, and which instance works each sink. Times are those of the store.
pub trait SinkCursors: Clone + Send + Sync + 'static {
    /// How long a lease lasts after its renewal. An instance looks for leases that have ended three times a second, so
    /// another one works the sinks of a killed instance within two seconds.
    const LEASE_LASTS: Duration = Duration::from_millis(1300);

    /// Registers this instance, with the sinks that it can work, for a short time; renews the leases that it keeps, takes
    /// those that it should have and nobody else has, and gives back those that another instance should have. Returns the
    /// leases that it holds now. A sink without a cursor gets one.
    fn renew_leases(
        &self,
        instance: &str,
        sinks: &[NewSink],
    ) -> impl Future<Output = Result<Vec<Lease>, RepoError>> + Send;

    /// Gives all leases of this instance back, so that another instance can take them at once.
    fn release_leases(&self, instance: &str) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Stores the cursor, if there is a new position, and why the sink does not move, if it does not. `false` if this is not the current lease any more:
    /// nothing is changed.
    fn advance(
        &self,
        lease: &Lease,
        position: Option<u64>,
        failure: Option<&str>,
    ) -> impl Future<Output = Result<bool, RepoError>> + Send;

    /// Every sink that ever had a cursor, by name.
    fn sinks(&self) -> impl Future<Output = Result<Vec<SinkStatus>, RepoError>> + Send;

    /// A paused sink keeps its cursor; nothing is sent to it. `false` if there is no such sink.
    fn set_paused(&self, name: &str, paused: bool) -> impl Future<Output = Result<bool, RepoError>> + Send;

    /// Moves the cursor of a sink whoever works it: that instance begins again at the new position.
    fn move_cursor(&self, name: &str, to: CursorTarget) -> impl Future<Output = Result<MovedCursor, RepoError>> + Send;
}

/// A sink that an instance can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSink {
    pub name: &'static str,
    pub kind: SinkKind,
    /// Where its first cursor is.
    pub begins: FirstPosition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// Log lines.
    Log,
    /// A message broker.
    Broker,
    /// A projection of the event log in the database.
    ReadModel,
}

impl SinkKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Broker => "broker",
            Self::ReadModel => "read_model",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstPosition {
    /// Before the oldest kept event.
    Start,
    /// At the end of the event log.
    End,
    /// At 0: a snapshot of the orders takes the place of the events so far.
    Snapshot,
}

/// The right to move a cursor, until another instance has it or somebody moves the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub sink: String,
    pub instance: String,
    /// It grows with each new holder and each move. A cursor moves for the current epoch only.
    pub epoch: i64,
    /// The cursor: every event up to this position is delivered.
    pub position: u64,
    pub is_paused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkStatus {
    pub name: String,
    /// A kind of sink; a newer release may have others.
    pub kind: String,
    pub position: u64,
    /// The last position of the event log.
    pub head: u64,
    pub is_paused: bool,
    /// How long ago the first event happened that the sink does not have. 0 if it has every event.
    pub lag: Duration,
    /// Why the sink does not move, and since when.
    pub failure: Option<(String, OffsetDateTime)>,
    /// The instance that works the sink now.
    pub holder: Option<String>,
}

/// What an operator sees first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// An instance works it.
    Running,
    /// An operator has paused it.
    Paused,
    /// It does not move because of an error. The relay tries again.
    Failing,
    /// No instance works it: none has its settings, or the last one has just ended.
    Unheld,
}

impl SinkState {
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Failing, Self::Unheld];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Unheld => "unheld",
        }
    }
}

impl SinkStatus {
    pub const fn lag_events(&self) -> u64 {
        self.head.saturating_sub(self.position)
    }

    pub const fn state(&self) -> SinkState {
        if self.is_paused {
            SinkState::Paused
        } else if self.holder.is_none() {
            SinkState::Unheld
        } else if self.failure.is_some() {
            SinkState::Failing
        } else {
            SinkState::Running
        }
    }
}

/// Where an operator moves a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorTarget {
    /// Behind the event with this position; 0 for before the first one.
    Position(u64),
    /// Before the first event that happened at this time or later.
    Time(OffsetDateTime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedCursor {
    To(u64),
    NoSuchSink,
    /// A read model has what its events say. Only 0 is a place for it: it is built anew.
    ReadModel,
    /// The event log has no such place: it goes from `first - 1` to `last`.
    OutOfRange {
        position: u64,
        first: u64,
        last: u64,
    },
}
