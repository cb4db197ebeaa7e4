//! The definition of a body: `read_body` reads by it, `body_schema` documents it.

use std::fmt::Display;

use serde_json::Value;

use crate::http::response::code::Code;

use super::text::TextValue;

/// A JSON object that a request has as its body, or as a part of its body.
pub(crate) trait Body: Sized {
    /// The name of its schema.
    const NAME: &'static str;
    /// The description of its schema.
    const TEXT: &'static str;
    /// Whether a request may leave the body out; that means the empty object.
    const IS_OPTIONAL: bool = false;
    /// Whether its parts are bodies themselves, which are read and refused one by one.
    const IS_ENVELOPE: bool = false;

    /// Calls one method of `fields` for each field. Use `?` only after the last call: an earlier `?` hides the fields behind
    /// it from the schema and from the list of errors.
    fn define(fields: &mut impl Fields) -> Option<Self>;
}

/// The methods that a definition calls, one for each field. The reader returns the value; the documentation records the
/// schema and returns `None`.
///
/// The reader also returns `None` if the value is wrong, and keeps the error.
pub(crate) trait Fields {
    fn required<T: FieldValue>(&mut self, name: &'static str, text: &str) -> Option<T>;

    /// The inner `None` is an absent field.
    #[expect(clippy::option_option, reason = "wrong and absent are two things")]
    fn optional<T: FieldValue>(&mut self, name: &'static str, text: &str) -> Option<Option<T>>;

    /// The default is documented as a JSON string.
    fn with_default<T: FieldValue + Display>(&mut self, name: &'static str, text: &str, default: T) -> Option<T>;

    /// An array of objects; empty if it is absent.
    fn list<T: Body>(&mut self, name: &'static str, text: &str, limit: ListLimit) -> Option<Vec<T>>;
}

/// How long an array may be, and the code of the problem if it is longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListLimit {
    pub(crate) max: usize,
    pub(crate) code: Code,
}

/// The value of a field.
pub(crate) trait FieldValue: Sized {
    /// What is allowed, as a JSON Schema.
    fn schema() -> Value;

    fn read(value: Value) -> Result<Self, Wrong>;
}

/// Why a value is refused.
pub(crate) enum Wrong {
    /// It is of another JSON type; the text names the right one.
    Type(&'static str),
    /// It breaks a rule; the text is a sentence that says the rule.
    Value(String),
}

impl<T: TextValue> FieldValue for T {
    fn schema() -> Value {
        T::schema()
    }

    fn read(value: Value) -> Result<Self, Wrong> {
        match value {
            Value::String(text) => T::parse(&text).map_err(Wrong::Value),
            _ => Err(Wrong::Type("a string")),
        }
    }
}
