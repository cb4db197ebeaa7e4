use std::{fmt, str::FromStr};

/// The name of a caller within its tenant: the id of an API key, or the subject of a token. It has 1 to 255 characters, and
/// none that a log line or a header could not show.
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
        let is_invisible = |c: char| {
            c.is_control()
                // Format characters reverse or hide parts of a line.
                || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        let has_text = !text.trim().is_empty() && text.chars().count() <= Self::MAX_CHARS;
        if has_text && !text.chars().any(is_invisible) { Ok(Self(text.to_owned())) } else { Err(SubjectError) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
