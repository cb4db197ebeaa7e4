//! The use cases: each takes a request, lets the domain decide, and finishes one unit of work.
//!
//! What a use case needs from outside is a port: a trait that `infra` implements. One use case a file: request, error, `execute`.

mod adapters;
mod events;
mod idempotency;
mod orders;
mod ports;
mod products;
mod uow;

pub use adapters::{Adapters, Ports, Store};
pub use events::*;
pub use idempotency::{Answered, ForgetKeys, KeyError, KeyRecord, KeyedRequest, Outcome, Recorded};
pub use orders::*;
pub use ports::{
    AsOf, Backlog, BoxError, Changes, Clock, EventBus, EventLog, HistoricalOrder, IdGenerator, IdempotencyKeys, Lagged,
    Lock, LogBounds, LogSlice, OrderFilter, OrderQueries, OrderRepo, PricingError, PricingService, Product, RepoError,
    Subscription, Telemetry, UnitOfWork,
};
pub use products::ListProducts;
pub use uow::Uow;
