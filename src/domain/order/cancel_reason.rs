use std::{fmt, str::FromStr};

/// Why an order was cancelled, in free text: 1 to 500 characters after trimming, and no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CancelReason(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is 1 to {} characters without control characters", CancelReason::MAX_CHARS)]
pub struct CancelReasonError;

impl CancelReason {
    pub const MAX_CHARS: usize = 500;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CancelReason {
    type Err = CancelReasonError;

    fn from_str(text: &str) -> Result<Self, CancelReasonError> {
        let text = text.trim();
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.to_owned())) } else { Err(CancelReasonError) }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
