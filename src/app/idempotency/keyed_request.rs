use crate::domain::OrderId;

/// The key of a request. A repetition with the same key changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    pub caller: String,
    /// Chosen by the caller: 1 to 255 characters.
    pub key: String,
    /// SHA-256 of the request. A different request with the same key is refused.
    pub fingerprint: [u8; 32],
}

/// The outcome of a request: one order at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The index of the order in its batch; 0 for a request about one order.
    pub batch_index: u32,
    pub order_id: OrderId,
    pub version: u32,
}

/// A stored key: the request that used it, and its outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub fingerprint: [u8; 32],
    pub outcomes: Vec<Outcome>,
}

/// An outcome to store in the transaction of its change.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub request: KeyedRequest,
    pub outcome: Outcome,
}
