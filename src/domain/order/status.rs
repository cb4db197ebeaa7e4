use std::{fmt, str::FromStr};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It takes items.
    Open,
    /// The customer has committed to it.
    Placed,
    /// It was called off. Final.
    Cancelled,
    /// It was delivered. Final.
    Fulfilled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of open, placed, cancelled, fulfilled")]
pub struct StatusError;

impl Status {
    pub const ALL: [Self; 4] = [Self::Open, Self::Placed, Self::Cancelled, Self::Fulfilled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
            Self::Fulfilled => "fulfilled",
        }
    }
}

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(StatusError)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
