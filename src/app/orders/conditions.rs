use crate::app::KeyedRequest;

/// The conditions of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// A repetition with the same key changes nothing.
    pub key: Option<KeyedRequest>,
    /// The order must be at one of these versions. Without a condition, a change that lost a race is decided again.
    pub expected: Option<Versions>,
    /// The order must not be at one of these versions.
    pub excluded: Option<Versions>,
}

/// The versions that a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    Any,
    OneOf(Vec<u32>),
}

impl Conditions {
    /// Whether an order at this version may be changed.
    pub(crate) fn admit(&self, version: u32) -> bool {
        self.expected.as_ref().is_none_or(|expected| expected.contain(version))
            && !self.excluded.as_ref().is_some_and(|excluded| excluded.contain(version))
    }
}

impl Versions {
    pub(crate) fn contain(&self, version: u32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
