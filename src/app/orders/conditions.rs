use crate::app::KeyedRequest;

/// The conditions of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// A repetition with the same key changes nothing.
    pub key: Option<KeyedRequest>,
    /// The order must be at one of these versions. Without a condition, a change that lost a race is decided again.
    pub expected: Option<Expected>,
}

/// The versions that a write expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Any,
    OneOf(Vec<u32>),
}

impl Expected {
    pub fn admits(&self, version: u32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
