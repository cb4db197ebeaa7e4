use std::{fmt, future::Future, ops::Range, sync::Arc, time::Duration};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{CustomerId, Order, OrderEvent, OrderId, OrderState, Price, ProductName, Sku, Status, TenantId};

use super::{EventFilter, KeyRecord, LoggedEvent, OrderDetails, OrderSummary, Recorded, Uow};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked. In every case, nothing of the unit of work was kept, unless a `commit` was under way.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    #[error("someone else changed the order since it was read")]
    Conflict,
    /// A request with the same key was faster: what it led to is there now.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// It may work in a moment: no connection, a timeout, a shutdown.
    #[error("the store is away")]
    Unavailable(#[source] BoxError),
    #[error("the store failed")]
    Backend(#[source] BoxError),
}

/// What a use case did to one order: the order as it is now and the events since it was read.
#[derive(Clone, Debug)]
pub struct Changes {
    pub state: OrderState,
    pub events: Vec<OrderEvent>,
}

impl Changes {
    /// Takes the events out of the order. `None` when nothing happened to it.
    pub fn of(mut order: Order) -> Option<Self> {
        let events = order.take_events();
        (!events.is_empty()).then(|| Self { state: order.state().clone(), events })
    }

    /// The version that was read; 0 for an order that is new.
    pub fn read_at(&self) -> u32 {
        self.events.first().map_or(self.state.version, |event| event.version - 1)
    }
}

/// Whether others may change what is read while the unit of work is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// They may; then `apply` or `commit` answers `Conflict`.
    None,
    /// They wait.
    Write,
}

/// What one unit of work of one tenant can do. What it writes is seen by nobody else before `commit`; dropping it leaves nothing.
///
/// `-> impl Future + Send` rather than `async fn`: a generic caller of a plain `async fn` in a trait is not `Send`,
/// so a background task could not be spawned over it. Implementations may write `async fn`.
pub trait OrderRepo: Send + Sized {
    fn find(&mut self, id: OrderId, lock: Lock) -> impl Future<Output = Result<Option<Order>, RepoError>> + Send;

    /// Writes these changes and nothing else, if the order is still at the version that was read when they are committed.
    fn apply(&mut self, changes: &Changes) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Writes what the request led to under its key, if the key is still free when it is committed.
    fn remember(&mut self, record: &KeyRecord) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Appends the events, which take their positions under the head's lock, as the last thing before they are committed.
    fn append(&mut self, written: &[Changes]) -> impl Future<Output = Result<(), RepoError>> + Send;

    fn commit(self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// Starts units of work. PostgreSQL and memory each have one.
pub trait UnitOfWork: Clone + Send + Sync + 'static {
    type Repo: OrderRepo;

    fn begin(&self, tenant: &TenantId) -> impl Future<Output = Result<Uow<Self::Repo>, RepoError>> + Send;
}

/// What requests with a key led to.
pub trait IdempotencyKeys: Clone + Send + Sync + 'static {
    /// `None` for a key that was not used, or so long ago that it was forgotten.
    fn recall(
        &self,
        tenant: &TenantId,
        caller: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<Recorded>, RepoError>> + Send;

    /// Forgets at most `limit` keys that were used before this time; how many they were.
    fn forget(&self, before: OffsetDateTime, limit: usize) -> impl Future<Output = Result<usize, RepoError>> + Send;
}

/// Which orders a list shows: those that meet all that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderFilter {
    pub customer_id: Option<CustomerId>,
    pub status: Option<Status>,
    /// Created at this time or later.
    pub created_from: Option<OffsetDateTime>,
    /// Created before this time.
    pub created_to: Option<OffsetDateTime>,
}

impl OrderFilter {
    /// The ids that orders of the asked times have: the time is in the id.
    pub fn ids(&self) -> Range<OrderId> {
        let start = self.created_from.map_or(OrderId::MIN, OrderId::first_at);
        let end = self.created_to.map_or(OrderId::MAX, OrderId::first_at);
        start..end
    }
}

/// The read side: what was committed, without the aggregate.
pub trait OrderQueries: Clone + Send + Sync + 'static {
    fn order(
        &self,
        tenant: &TenantId,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<OrderDetails>, RepoError>> + Send;

    /// The order as it was then, folded from the log.
    fn order_as_of(
        &self,
        tenant: &TenantId,
        id: OrderId,
        moment: AsOf,
    ) -> impl Future<Output = Result<HistoricalOrder, RepoError>> + Send;

    /// How many orders the filter lets through.
    fn count(&self, tenant: &TenantId, filter: &OrderFilter) -> impl Future<Output = Result<u64, RepoError>> + Send;

    /// At most `limit` orders, newest first, all of them older than `before`.
    fn orders(
        &self,
        tenant: &TenantId,
        filter: &OrderFilter,
        before: Option<OrderId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OrderSummary>, RepoError>> + Send;

    /// Whether the store answers now and has the schema that this release needs.
    fn ready(&self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// A moment in the life of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Right after this version.
    Version(u32),
    /// With all that had happened by this time.
    Time(OffsetDateTime),
}

/// What the log knows of a moment in the life of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoricalOrder {
    Order(OrderDetails),
    /// There was no such order yet, or it had not come so far.
    NotThen,
    /// Its first events were retired.
    Retired,
}

impl LogSlice {
    /// What was found by a statement that looked up to `until` for `limit` events.
    pub fn new(bounds: LogBounds, events: Vec<LoggedEvent>, limit: usize, until: u64) -> Self {
        let full = events.last().filter(|_| events.len() == limit);
        let position = full.map_or(until, |event| event.position);
        Self { bounds, events, position }
    }
}

impl AsOf {
    /// Whether the event had happened by then.
    pub fn admits(self, event: &OrderEvent) -> bool {
        match self {
            Self::Version(version) => event.version <= version,
            Self::Time(time) => event.occurred_at <= time,
        }
    }

    /// Whether an order whose last admitted event this is had come so far.
    pub fn is_reached_by(self, last: Option<&OrderEvent>) -> bool {
        match (self, last) {
            (_, None) => false,
            (Self::Version(version), Some(last)) => last.version == version,
            (Self::Time(_), Some(_)) => true,
        }
    }
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

/// Something that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub sku: Sku,
    pub name: ProductName,
    pub price: Price,
}

#[derive(Debug, thiserror::Error)]
#[error("the pricing service is away")]
pub struct PricingError(#[source] pub BoxError);

/// Knows which products exist and what they cost now.
pub trait PricingService: Clone + Send + Sync + 'static {
    /// One answer a SKU, in their order; `None` where there is no such product.
    fn find(&self, skus: &[Sku]) -> impl Future<Output = Result<Vec<Option<Product>>, PricingError>> + Send;

    /// Every product, by name.
    fn list(&self) -> impl Future<Output = Result<Vec<Product>, PricingError>> + Send;
}

pub trait Clock: Clone + Send + Sync + 'static {
    fn now(&self) -> OffsetDateTime;
}

pub trait IdGenerator: Clone + Send + Sync + 'static {
    fn order_id(&self, created_at: OffsetDateTime) -> OrderId;

    /// A UUID, version 7.
    fn event_id(&self, occurred_at: OffsetDateTime) -> Uuid;
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The path as the API has it, with its parameters in braces; never the path of one request.
    pub route: &'a str,
    pub method: &'static str,
    pub status: u16,
}

/// Counts what happens, for those who operate the service.
pub trait Telemetry: Clone + Send + Sync + 'static {
    fn request_begun(&self);

    /// `None` for one that nobody waits for any more.
    fn request_ended(&self, answer: Option<&Answer<'_>>, took: Duration);

    /// Somebody else changed the order first.
    fn lost_race(&self);

    /// A change is decided anew.
    fn retried(&self);

    /// A repetition was answered as the first request was.
    fn replayed(&self);

    /// Subscribers have heard of all events up to this position.
    fn log_told(&self, position: u64);

    /// A sink has heard of all events up to this position.
    fn sink_told(&self, sink: &'static str, position: u64);

    /// How it is now: how many clients wait for events, and whether the service is ready.
    fn state(&self, streams: usize, ready: bool);

    /// All of it, in the text format 0.0.4 of Prometheus.
    fn tell(&self) -> String;
}
