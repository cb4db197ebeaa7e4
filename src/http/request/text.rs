use std::{fmt::Display, str::FromStr};

use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::http::response::problem::sentence;

/// A value that a request writes as text: a string of a body, or a parameter.
pub(crate) trait TextValue: Sized {
    /// What is allowed, as a JSON Schema.
    fn schema() -> Value;

    /// The error is a sentence that says what is allowed.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Parses as the type itself does. Its error becomes the sentence.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| sentence(&error))
}

/// Text as it is.
impl TextValue for String {
    fn schema() -> Value {
        json!({"type": "string"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl TextValue for bool {
    fn schema() -> Value {
        json!({"type": "boolean"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "The value is true or false.".to_owned())
    }
}

impl TextValue for OffsetDateTime {
    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }

    /// In UTC.
    fn parse(text: &str) -> Result<Self, String> {
        let time = Self::parse(text, &Rfc3339).ok().and_then(|time| time.checked_to_offset(UtcOffset::UTC));
        // RFC 3339 cannot write other years.
        let time = time.filter(|time| (0..=9999).contains(&time.year()));
        time.ok_or_else(|| "A time has the form of RFC 3339, e.g. 2026-01-31T12:00:00Z.".to_owned())
    }
}
