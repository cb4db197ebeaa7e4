//! Idempotency keys: a caller may repeat a request, and it takes effect once.

mod forget_keys;
mod keyed_request;
mod replay;

pub use forget_keys::ForgetKeys;
pub use keyed_request::{KeyRecord, KeyedRequest, Outcome, Recorded};
pub use replay::{Answered, KeyError};
pub(crate) use replay::{rebuild, recall, replay};
