use std::fmt::Display;

use serde_json::{Map, Value};

use crate::http::response::{
    code::Code,
    problem::{FieldError, Problem, shortened},
};

use super::{
    fields::{Body, FieldValue, Fields, ListLimit, Wrong},
    json::has_nul,
};

/// Reads a body. The problem lists all errors, unknown fields among them.
pub(crate) fn read_body<B: Body>(body: Value) -> Result<B, Problem> {
    // PostgreSQL cannot store a NUL, and other readers take it for the end of the text.
    if !B::IS_ENVELOPE && has_nul(&body) {
        return Err(Problem::new(Code::MalformedJson, "A string has a NUL character. Send it without."));
    }
    let mut errors = Errors::default();
    match read_at(body, String::new(), &mut errors) {
        Some(body) if errors.listed.is_empty() => Ok(body),
        _ => Err(errors.into_problem()),
    }
}

/// Reads the body, or the part of it at this JSON pointer.
fn read_at<B: Body>(value: Value, pointer: String, errors: &mut Errors) -> Option<B> {
    let Value::Object(object) = value else {
        errors.wrong_type(pointer, "an object");
        return None;
    };
    let mut fields = Reader { object, pointer, errors };
    let body = B::define(&mut fields);
    fields.refuse_the_rest();
    body
}

/// The errors of a body so far.
#[derive(Default)]
struct Errors {
    listed: Vec<FieldError>,
    /// Whether a field is missing, unknown or of another JSON type: a 400 rather than a 422.
    misshapen: bool,
}

struct Reader<'e> {
    /// The fields that the definition has not read yet.
    object: Map<String, Value>,
    pointer: String,
    errors: &'e mut Errors,
}

impl Fields for Reader<'_> {
    fn required<T: FieldValue>(&mut self, name: &'static str, text: &str) -> Option<T> {
        let value = self.optional(name, text)?;
        if value.is_none() {
            let error = FieldError::at(self.pointer_to(name), "required", format!("The field {name} is required."));
            self.errors.misshapen = true;
            self.errors.listed.push(error);
        }
        value
    }

    fn optional<T: FieldValue>(&mut self, name: &'static str, _text: &str) -> Option<Option<T>> {
        let Some(value) = self.object.remove(name) else { return Some(None) };
        match T::read(value) {
            Ok(value) => return Some(Some(value)),
            Err(Wrong::Type(expected)) => self.errors.wrong_type(self.pointer_to(name), expected),
            Err(Wrong::Value(detail)) => {
                self.errors.listed.push(FieldError::at(self.pointer_to(name), format!("invalid_{name}"), detail));
            }
        }
        None
    }

    fn with_default<T: FieldValue + Display>(&mut self, name: &'static str, text: &str, default: T) -> Option<T> {
        self.optional(name, text).map(|value| value.unwrap_or(default))
    }

    fn list<T: Body>(&mut self, name: &'static str, _text: &str, limit: ListLimit) -> Option<Vec<T>> {
        let pointer = self.pointer_to(name);
        let elements = match self.object.remove(name) {
            None => return Some(Vec::new()),
            Some(Value::Array(elements)) => elements,
            Some(_) => {
                self.errors.wrong_type(pointer, "an array");
                return None;
            }
        };
        let ListLimit { max, code } = limit;
        if elements.len() > max {
            let detail = format!("The array has {} elements; at most {max} are allowed.", elements.len());
            self.errors.listed.push(FieldError::at(pointer, code.as_str(), detail));
            return None;
        }
        let read_one = |(index, element)| read_at(element, format!("{pointer}/{index}"), self.errors);
        // The first wrong element does not end the reading: the problem lists all errors.
        let read: Vec<Option<T>> = elements.into_iter().enumerate().map(read_one).collect();
        read.into_iter().collect()
    }
}

impl Reader<'_> {
    fn refuse_the_rest(self) {
        for name in self.object.keys() {
            self.errors.misshapen = true;
            let detail = format!("This object has no field {}.", shortened(name));
            self.errors.listed.push(FieldError::at(self.pointer_to(name), "unknown_field", detail));
        }
    }

    fn pointer_to(&self, name: &str) -> String {
        // RFC 6901, section 3.
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }
}

impl Errors {
    fn wrong_type(&mut self, pointer: String, expected: &str) {
        self.misshapen = true;
        self.listed.push(FieldError::at(pointer, "wrong_type", format!("The value must be {expected}.")));
    }

    fn into_problem(self) -> Problem {
        let one_kind = |code: Code| self.listed.iter().all(|error| error.code == code.as_str());
        let code = if self.misshapen {
            Code::InvalidBody
        } else if one_kind(Code::TooManyLines) {
            Code::TooManyLines
        } else {
            Code::ValidationFailed
        };
        let detail = match self.listed.as_slice() {
            [only] => only.detail.clone(),
            several => format!("{} values are wrong; errors lists them.", several.len()),
        };
        Problem::new(code, detail).with_errors(self.listed)
    }
}
