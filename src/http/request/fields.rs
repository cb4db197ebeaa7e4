use std::{fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use crate::{
    domain::Quantity,
    http::response::{
        code::Code,
        problem::{FieldError, Problem, sentence},
    },
};

use super::json;

/// Reads the fields of a JSON object into value objects, and gathers everything that is wrong on the way.
pub(crate) struct Fields<'e> {
    object: Map<String, Value>,
    pointer: String,
    errors: &'e mut Errors,
}

/// What is wrong with a body so far.
#[derive(Default)]
pub(crate) struct Errors {
    listed: Vec<FieldError>,
    /// Whether the body lacks a field, has an unknown one or one of another type: a 400 rather than a 422.
    misshapen: bool,
}

/// Why a value is not taken.
pub(crate) enum Wrong {
    /// It is of another JSON type; the text names the right one.
    Type(&'static str),
    /// It breaks a rule.
    Value(String),
}

/// Reads a whole body: `read` takes the fields, and whatever is left is unknown. No text in it may have a NUL,
/// which PostgreSQL cannot store and other readers take for an end.
pub(crate) fn read_object<T>(body: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problem> {
    if json::has_nul(&body) {
        return Err(Problem::new(Code::MalformedJson, "Not well-formed: a NUL character in a string."));
    }
    read_envelope(body, read)
}

/// Reads a body that holds others, each of which is read by itself.
pub(crate) fn read_envelope<T>(body: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problem> {
    let mut errors = Errors::default();
    let value = nested(body, String::new(), &mut errors, read);
    match value {
        Some(value) if errors.listed.is_empty() => Ok(value),
        _ => Err(errors.into_problem()),
    }
}

fn nested<T>(
    value: Value,
    pointer: String,
    errors: &mut Errors,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Option<T> {
    let Value::Object(object) = value else {
        errors.wrong_type(pointer, "an object");
        return None;
    };
    let mut fields = Fields { object, pointer, errors };
    let value = read(&mut fields);
    fields.refuse_the_rest();
    value
}

impl Fields<'_> {
    pub(crate) fn required<T>(&mut self, name: &str, parse: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        let Some(value) = self.object.remove(name) else {
            let pointer = self.pointer_to(name);
            self.errors.misshapen = true;
            self.errors.listed.push(FieldError::at(pointer, "required", format!("The field {name} is required.")));
            return None;
        };
        self.parse(name, &value, parse)
    }

    /// `None` where the value is wrong.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        default: T,
        parse: impl FnOnce(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.object.remove(name) {
            None => Some(default),
            Some(value) => self.parse(name, &value, parse),
        }
    }

    /// An array of objects, empty where there is none, of at most `max` elements.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        max: (usize, Code),
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let pointer = self.pointer_to(name);
        let elements = match self.object.remove(name) {
            None => return Some(Vec::new()),
            Some(Value::Array(elements)) => elements,
            Some(_) => {
                self.errors.wrong_type(pointer, "an array");
                return None;
            }
        };
        let (max, too_many) = max;
        if elements.len() > max {
            let detail = format!("At most {max} elements; these are {}.", elements.len());
            self.errors.listed.push(FieldError::at(pointer, too_many.as_str(), detail));
            return None;
        }
        let read_one = |(index, element)| nested(element, format!("{pointer}/{index}"), self.errors, &mut read);
        // All of them are read, so that all errors are found.
        let read: Vec<Option<T>> = elements.into_iter().enumerate().map(read_one).collect();
        read.into_iter().collect()
    }

    fn parse<T>(&mut self, name: &str, value: &Value, parse: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        match parse(value) {
            Ok(value) => return Some(value),
            Err(Wrong::Type(expected)) => self.errors.wrong_type(self.pointer_to(name), expected),
            Err(Wrong::Value(detail)) => {
                self.errors.listed.push(FieldError::at(self.pointer_to(name), format!("invalid_{name}"), detail));
            }
        }
        None
    }

    fn refuse_the_rest(self) {
        for name in self.object.keys() {
            self.errors.misshapen = true;
            let detail = format!("There is no field {name} here.");
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
        self.listed.push(FieldError::at(pointer, "wrong_type", format!("This is not {expected}.")));
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
            several => format!("{} things are wrong; see errors.", several.len()),
        };
        Problem::new(code, detail).with_errors(self.listed)
    }
}

/// A string that parses.
pub(crate) fn text<T: FromStr<Err: Display>>(value: &Value) -> Result<T, Wrong> {
    let Value::String(text) = value else { return Err(Wrong::Type("a string")) };
    text.parse().map_err(|error| Wrong::Value(sentence(&error)))
}

pub(crate) fn quantity(value: &Value) -> Result<Quantity, Wrong> {
    let number = whole_number(value).ok_or(Wrong::Type("a whole number of a size that makes sense"))?;
    number.try_into().map_err(|error| Wrong::Value(sentence(&error)))
}

/// 2 and 2.0 are the same number in JSON.
fn whole_number(value: &Value) -> Option<i64> {
    let from_fraction = |number: f64| {
        let is_exact = number.fract() == 0.0 && number.abs() < 1e15;
        #[expect(clippy::cast_possible_truncation, reason = "whole, and far inside the range")]
        is_exact.then_some(number as i64)
    };
    value.as_i64().or_else(|| value.as_f64().and_then(from_fraction))
}
