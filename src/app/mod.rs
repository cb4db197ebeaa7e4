//! The use cases: each takes a request, lets the domain decide, and finishes one unit of work.
//!
//! Each file has one use case: its request, its error and `execute`. Use cases reach the outside through ports, which are
//! traits that `infra` implements.

mod access;
mod adapters;
mod events;
mod idempotency;
mod orders;
mod ports;
mod products;
mod sinks;
mod uow;

pub use access::{
    CreateKey, CreateKeyError, CreateKeyRequest, CreatedKey, ListKeys, ManageKeyError, RevokeKey, RotateKey,
};
pub use adapters::{Adapters, Ports, Store};
pub use events::*;
pub use idempotency::{Answered, ForgetKeys, KeyError, KeyRecord, KeyedRequest, Outcome, Recorded};
pub use orders::*;
pub use ports::{
    ApiKeys, AsOf, Authenticated, AuthenticationError, Authenticator, Backlog, BoxError, Changes, Clock,
    CredentialError, CursorTarget, DailyFigures, DayFigures, EventBus, EventLog, EventLogBounds, EventLogSlice,
    EventSink, FirstPosition, HistoricalOrder, IdGenerator, IdempotencyKeys, Lagged, Lease, Lock, MovedCursor,
    NewApiKey, NewSecret, NewSink, OrderFilter, OrderQueries, OrderRepo, OrderStats, PricingError, PricingService,
    Product, Publication, Quota, RateLimiter, RepoError, SecretHash, SinkConnection, SinkCursors, SinkError, SinkKind,
    SinkOutcome, SinkState, SinkStatus, StoredKey, Subscription, Telemetry, UnitOfWork,
};
pub use products::ListProducts;
pub use sinks::{ListSinks, ManageSinkError, MoveSink, PauseSink};
pub use uow::Uow;
