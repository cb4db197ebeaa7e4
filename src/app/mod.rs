//! The use cases: each takes a request, lets the domain decide, and finishes one unit of work.
//!
//! Each file has one use case: its request, its error and `execute`. Use cases reach the outside through ports, which are
//! traits that `infra` implements.

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
    AsOf, Backlog, BoxError, Changes, Clock, EventBus, EventLog, EventLogBounds, EventLogSlice, HistoricalOrder,
    IdGenerator, IdempotencyKeys, Lagged, Lock, OrderFilter, OrderQueries, OrderRepo, PricingError, PricingService,
    Product, Publication, RepoError, Subscription, Telemetry, UnitOfWork,
};
pub use products::ListProducts;
pub use uow::Uow;
