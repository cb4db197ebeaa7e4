use std::str::FromStr;

use super::names::names;

names! {
    /// Where an order is in its life.
    pub enum Status {
        /// It takes items.
        Open = "open",
        /// The customer has committed to it.
        Placed = "placed",
        /// It was cancelled. Final.
        Cancelled = "cancelled",
        /// It was delivered. Final.
        Fulfilled = "fulfilled",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of {}", Status::ALL.map(Status::as_str).join(", "))]
pub struct StatusError;

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(StatusError)
    }
}
