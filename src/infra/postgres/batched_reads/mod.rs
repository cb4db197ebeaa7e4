//! Batched reads: the requests that arrive while one statement runs are answered together by the next one.

mod api_keys;
mod batcher;
mod keys;
mod orders;

pub(super) use api_keys::ApiKeyRead;
pub(super) use batcher::BatchedReads;
pub(super) use keys::{KeyName, KeyRead};
pub(super) use orders::{FoundOrder, OrderName, OrderRead, select_order};
