//! Requests that their callers may send again.

mod forget_keys;
mod keyed_request;
mod replay;

pub use forget_keys::ForgetKeys;
pub use keyed_request::{KeyRecord, KeyedRequest, Outcome, Recorded};
pub use replay::{Answered, KeyError};
pub(crate) use replay::{rebuild, recall, replay};
