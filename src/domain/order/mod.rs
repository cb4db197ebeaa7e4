//! The order: the aggregate root, its state, its events and its value objects.

mod action;
mod aggregate;
mod cancel_reason;
mod context;
mod customer_id;
mod event;
mod names;
mod order_error;
mod order_id;
mod quantity;
mod replay;
mod rules;
mod state;
mod status;

pub use action::Action;
pub use aggregate::Order;
pub use cancel_reason::{CancelReason, CancelReasonError};
pub use context::Context;
pub use customer_id::{CustomerId, CustomerIdError};
pub use event::{OrderEvent, OrderEventKind, Stamp};
pub use order_error::OrderError;
pub use order_id::{OrderId, OrderIdError};
pub use quantity::{Quantity, QuantityError};
pub use replay::{Replay, ReplayError};
pub use rules::{MAX_LINES, OrderRules, OrderRulesError};
pub use state::{Line, OrderState};
pub use status::{Status, StatusError};
