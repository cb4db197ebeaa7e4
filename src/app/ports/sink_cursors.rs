use std::future::Future;

use time::OffsetDateTime;

use super::RepoError;

/// The cursors of the sinks, and which instance works each sink. Times are those of the store.
pub trait SinkCursors: Clone + Send + Sync + 'static {
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

    /// Moves the cursor, and forgets the last error. `false` if this is not the current lease any more: nothing is changed.
    fn advance(&self, lease: &Lease, position: u64) -> impl Future<Output = Result<bool, RepoError>> + Send;

    /// Records why the sink does not move. Nothing is changed if this is not the current lease any more.
    fn record_failure(&self, lease: &Lease, error: &str) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Every sink that ever had a cursor, by name.
    fn sinks(&self) -> impl Future<Output = Result<Vec<SinkStatus>, RepoError>> + Send;

    /// `false` if there is no such sink.
    fn set_paused(&self, name: &str, paused: bool) -> impl Future<Output = Result<bool, RepoError>> + Send;

    /// Moves the cursor of a sink whoever works it: that instance begins again at the new position.
    fn move_cursor(&self, name: &str, to: CursorTarget) -> impl Future<Output = Result<MovedCursor, RepoError>> + Send;
}

/// A sink that an instance can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSink {
    pub name: &'static str,
    /// Where its first cursor is.
    pub begins: FirstPosition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstPosition {
    /// Before the oldest kept event.
    Start,
    /// At the end of the event log.
    End,
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
    pub position: u64,
    /// The last position of the event log.
    pub head: u64,
    pub is_paused: bool,
    /// When the next event happened that the sink does not have.
    pub waiting_since: Option<OffsetDateTime>,
    /// Why the sink does not move, and since when.
    pub failure: Option<(String, OffsetDateTime)>,
    /// The instance that works the sink now.
    pub holder: Option<String>,
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
    /// The event log has no such place: it goes from behind `first - 1` to `last`.
    OutOfRange {
        first: u64,
        last: u64,
    },
}
