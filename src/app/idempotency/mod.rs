//! Requests that their callers may send again.

mod forget_keys;
mod keyed_request;

pub use forget_keys::ForgetKeys;
pub use keyed_request::{Answered, KeyError, KeyRecord, KeyedRequest, Outcome, Recorded};
pub(crate) use keyed_request::{rebuild, recall, replay};
