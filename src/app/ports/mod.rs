//! The ports: what the use cases need from outside, one port in each file. `infra` implements them.

mod api_keys;
mod authenticator;
mod clock;
mod event_bus;
mod event_log;
mod event_sink;
mod idempotency_keys;
mod order_queries;
mod order_repo;
mod order_stats;
mod pricing_service;
mod rate_limiter;
mod repo_error;
mod sink_cursors;
mod telemetry;
mod unit_of_work;

pub use api_keys::{ApiKeys, NewApiKey, SecretHash, StoredKey};
pub use authenticator::{Authenticated, AuthenticationError, Authenticator, CredentialError, NewSecret};
pub use clock::{Clock, IdGenerator};
pub use event_bus::{Backlog, EventBus, Lagged, Publication, Subscription};
pub use event_log::{EventLog, EventLogBounds, EventLogSlice};
pub use event_sink::{EventSink, SinkConnection, SinkError, SinkOutcome};
pub use idempotency_keys::IdempotencyKeys;
pub use order_queries::{AsOf, HistoricalOrder, OrderFilter, OrderQueries};
pub use order_repo::{Changes, Lock, OrderRepo};
pub use order_stats::{DailyFigures, DayFigures, OrderStats};
pub use pricing_service::{PricingError, PricingService, Product};
pub use rate_limiter::{Quota, RateLimiter};
pub use repo_error::{BoxError, RepoError};
pub use sink_cursors::{
    CursorTarget, FirstPosition, Lease, MovedCursor, NewSink, SinkCursors, SinkKind, SinkState, SinkStatus,
};
pub use telemetry::Telemetry;
pub use unit_of_work::UnitOfWork;
