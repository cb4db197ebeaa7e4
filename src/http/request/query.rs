use std::{
    borrow::Cow,
    fmt::Display,
    future::{Ready, ready},
    ops::RangeInclusive,
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::response::{
    code::Code,
    problem::{FieldError, Problem, shortened},
};

use super::text::TextValue;

/// The parameters in the query of a route. One definition reads them and documents them.
pub(crate) trait QueryParameters: Sized {
    fn define(parameters: &mut impl Parameters) -> Self;
}

/// The methods that a definition calls, one for each parameter. The reader returns the value; the documentation records the
/// schema and returns `None`.
pub(crate) trait Parameters {
    /// `None` if the parameter is absent, or if `parse` refuses it; the reader keeps the error.
    fn parameter<T>(
        &mut self,
        name: &'static str,
        text: &str,
        schema: impl FnOnce() -> Value,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T>;

    fn optional<T: TextValue>(&mut self, name: &'static str, text: &str) -> Option<T> {
        self.parameter(name, text, T::schema, T::parse)
    }

    /// `false` if it is absent.
    fn flag(&mut self, name: &'static str, text: &str) -> bool {
        let schema = || json!({"type": "boolean", "default": false});
        self.parameter(name, text, schema, bool::parse).unwrap_or(false)
    }

    fn number<T: Number>(&mut self, name: &'static str, text: &str, range: RangeInclusive<T>, default: T) -> T {
        let schema =
            || json!({"type": "integer", "minimum": range.start(), "maximum": range.end(), "default": default});
        self.parameter(name, text, schema, |text| number(text, &range)).unwrap_or(default)
    }

    fn optional_number<T: Number>(&mut self, name: &'static str, text: &str, range: RangeInclusive<T>) -> Option<T> {
        self.parameter(name, text, || number_schema(&range), |text| number(text, &range))
    }
}

/// An unsigned integer.
pub(crate) trait Number: FromStr + PartialOrd + Display + Serialize + Copy {}

impl<T: FromStr + PartialOrd + Display + Serialize + Copy> Number for T {}

/// A whole number in this range, in digits.
pub(crate) fn number<T: Number>(text: &str, range: &RangeInclusive<T>) -> Result<T, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) && text.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(format!("The value is a whole number from {} to {}.", range.start(), range.end())),
    }
}

pub(crate) fn number_schema<T: Number>(range: &RangeInclusive<T>) -> Value {
    json!({"type": "integer", "minimum": range.start(), "maximum": range.end()})
}

/// Extracts the parameters of the query. The problem lists all errors, unknown parameters among them.
pub(crate) struct Query<Q>(pub(crate) Q);

/// Refuses every parameter: for routes that have none.
pub(crate) struct NoQuery;

impl<Q: QueryParameters> FromRequest for Query<Q> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut reader = QueryReader::from_request(request);
        let parameters = Q::define(&mut reader);
        ready(reader.finish().map(|()| Self(parameters)))
    }
}

impl FromRequest for NoQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(QueryReader::from_request(request).finish().map(|()| Self))
    }
}

struct QueryReader<'r> {
    /// The parameters that the definition has not read yet.
    pairs: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    errors: Vec<FieldError>,
}

impl Parameters for QueryReader<'_> {
    fn parameter<T>(
        &mut self,
        name: &'static str,
        _text: &str,
        _schema: impl FnOnce() -> Value,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (named, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(key, _)| key == name);
        self.pairs = rest;
        let refused = match named.as_slice() {
            [] => return None,
            [(_, value)] => match parse(value) {
                Ok(value) => return Some(value),
                Err(detail) => detail,
            },
            _ => "The parameter is given more than once.".to_owned(),
        };
        self.errors.push(FieldError::at_parameter(name, "invalid", refused));
        None
    }
}

impl<'r> QueryReader<'r> {
    fn from_request(request: &'r HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes()).collect();
        Self { pairs, errors: Vec::new() }
    }

    fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in &self.pairs {
            let detail = format!("This route has no parameter {}.", shortened(name));
            self.errors.push(FieldError::at_parameter(name, "unknown", detail));
        }
        let detail = match self.errors.as_slice() {
            [] => return Ok(()),
            [only] => format!("{}: {}", shortened(only.parameter.as_deref().unwrap_or_default()), only.detail),
            several => format!("{} parameters are wrong; errors lists them.", several.len()),
        };
        Err(Problem::new(Code::InvalidParameter, detail).with_errors(self.errors))
    }
}
