use std::{fmt, str::FromStr};

use super::is_plain_text;

/// The name of a user within its tenant, as an identity provider has it. It has 1 to 255 characters, and none that a log line
/// or a header could not show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subject has 1 to {max} characters, and no control or format characters", max = Subject::MAX_CHARS)]
pub struct SubjectError;

impl Subject {
    pub const MAX_CHARS: usize = 255;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if is_plain_text(text, Self::MAX_CHARS) { Ok(Self(text.to_owned())) } else { Err(SubjectError) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
