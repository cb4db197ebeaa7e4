use crate::app::KeyedRequest;

/// What a caller ties a write to, beside what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Makes a repetition harmless.
    pub key: Option<KeyedRequest>,
    /// Which versions the order may be at; without it a lost race is decided anew.
    pub expected: Option<Expected>,
}

/// The versions that a write is meant for.
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
