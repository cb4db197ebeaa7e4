use std::{borrow::Cow, fmt::Display, ops::RangeInclusive, str::FromStr};

use actix_web::HttpRequest;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{
    domain::OrderId,
    http::response::{
        code::Code,
        problem::{FieldError, Problem, sentence},
    },
};

/// Reads the parameters of a query, and gathers everything that is wrong on the way.
pub(crate) struct Query<'r> {
    pairs: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    errors: Vec<FieldError>,
}

impl<'r> Query<'r> {
    pub(crate) fn of(request: &'r HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes()).collect();
        Self { pairs, errors: Vec::new() }
    }

    /// `None` where there is none, and where it is wrong.
    pub(crate) fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (named, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(key, _)| key == name);
        self.pairs = rest;
        let refuse = match named.as_slice() {
            [] => return None,
            [(_, value)] => match parse(value) {
                Ok(value) => return Some(value),
                Err(detail) => detail,
            },
            _ => "It is given more than once.".to_owned(),
        };
        self.errors.push(FieldError::at_parameter(name, "invalid", refuse));
        None
    }

    /// Refuses what nobody asked for, and everything else that is wrong.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in &self.pairs {
            self.errors.push(FieldError::at_parameter(name, "unknown", format!("There is no parameter {name} here.")));
        }
        let detail = match self.errors.as_slice() {
            [] => return Ok(()),
            [only] => format!("{}: {}", only.parameter.as_deref().unwrap_or_default(), only.detail),
            several => format!("{} parameters are wrong; see errors.", several.len()),
        };
        Err(Problem::new(Code::InvalidParameter, detail).with_errors(self.errors))
    }
}

/// For a route that takes no parameters.
pub(crate) fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    Query::of(request).finish()
}

/// A parameter that parses.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| sentence(&error))
}

/// A whole number of this range, in digits.
pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl FnOnce(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) && text.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(format!("The value is a whole number from {} to {}.", range.start(), range.end())),
    }
}

pub(crate) fn time(text: &str) -> Result<OffsetDateTime, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|time| time.checked_to_offset(UtcOffset::UTC));
    // What RFC 3339 can write again.
    let time = time.filter(|time| (0..=9999).contains(&time.year()));
    time.ok_or_else(|| "A time is in the form of RFC 3339, e.g. 2026-01-31T12:00:00Z.".to_owned())
}

/// The line of an order that the path names.
pub(crate) fn line(request: &HttpRequest) -> Result<u32, Problem> {
    let text = request.match_info().get("line").unwrap_or_default();
    let line = number(1..=MAX_LINE)(text).map_err(|detail| Problem::parameter("line", detail))?;
    // One line, one URL.
    if line.to_string() == text { Ok(line) } else { Err(Problem::parameter("line", "The number has leading zeros.")) }
}

/// The highest version that an order can get.
pub(crate) const MAX_VERSION: u32 = i32::MAX.cast_unsigned();

/// The highest number that a line can get.
pub(crate) const MAX_LINE: u32 = i32::MAX.cast_unsigned();

/// The order that the path names.
pub(crate) fn order_id(request: &HttpRequest) -> Result<OrderId, Problem> {
    let text = request.match_info().get("order_id").unwrap_or_default();
    text.parse().map_err(|error| Problem::parameter("order_id", sentence(&error)))
}
