use std::{fmt, str::FromStr};

/// The id of a customer in the system that keeps customers. It has 1 to 64 characters after trimming, and no control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerIdError {
    #[error("a customer id is not empty")]
    Empty,
    #[error("a customer id has at most {} characters", CustomerId::MAX_CHARS)]
    TooLong,
    #[error("a customer id has no control characters")]
    ControlCharacter,
}

impl CustomerId {
    pub const MAX_CHARS: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomerId {
    type Err = CustomerIdError;

    fn from_str(text: &str) -> Result<Self, CustomerIdError> {
        let text = text.trim();
        if text.is_empty() {
            Err(CustomerIdError::Empty)
        } else if text.chars().count() > Self::MAX_CHARS {
            Err(CustomerIdError::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(CustomerIdError::ControlCharacter)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
