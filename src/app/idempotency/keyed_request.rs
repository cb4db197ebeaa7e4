use time::OffsetDateTime;

use crate::domain::OrderId;

/// A request that its caller may send again, and that then changes nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    pub caller: String,
    /// What the caller named it: 1 to 255 characters.
    pub key: String,
    /// SHA-256 of what was asked: another request under the same key is a mistake.
    pub fingerprint: [u8; 32],
}

/// What a request under a key led to: one order at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which order of a batch; 0 where the request is about one.
    pub item: u32,
    pub order_id: OrderId,
    pub version: u32,
}

/// What is kept of a key: the request that used it, and all that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub fingerprint: [u8; 32],
    pub outcomes: Vec<Outcome>,
}

/// An outcome on its way into the store, in the transaction of the change.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub request: KeyedRequest,
    pub outcome: Outcome,
    pub at: OffsetDateTime,
}
