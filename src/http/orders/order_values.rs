//! The values that a request about orders can have: how each is documented and read.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::{Value, json};
use std::future::{Ready, ready};

use crate::{
    domain::{CancelReason, Currency, CustomerId, OrderId, Quantity, Sku, Status},
    http::{
        request::{
            fields::{FieldValue, Wrong},
            query::{number, number_schema},
            text::{TextValue, parse},
        },
        response::problem::{Problem, sentence},
    },
};

/// The highest version that an order can get.
pub(super) const MAX_VERSION: u32 = i32::MAX.cast_unsigned();

/// The highest number that a line can get.
const MAX_LINE_NUMBER: u32 = i32::MAX.cast_unsigned();

impl TextValue for OrderId {
    fn schema() -> Value {
        json!({"type": "string", "format": "uuid"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl TextValue for CustomerId {
    fn schema() -> Value {
        trimmed_text(Self::MAX_CHARS)
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl TextValue for CancelReason {
    fn schema() -> Value {
        trimmed_text(Self::MAX_CHARS)
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

/// Some character that is not white space, and no control character.
fn trimmed_text(max_chars: usize) -> Value {
    let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
    json!({"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": pattern})
}

impl TextValue for Sku {
    fn schema() -> Value {
        json!({"type": "string", "pattern": r"^\s*[A-Za-z0-9]{8,12}\s*$"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl TextValue for Currency {
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::all().map(Self::code).collect::<Vec<_>>()})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl TextValue for Status {
    fn schema() -> Value {
        json!({"enum": Self::ALL.map(Self::as_str)})
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl FieldValue for Quantity {
    fn schema() -> Value {
        json!({"type": "integer", "format": "int32", "minimum": Self::MIN, "maximum": Self::MAX})
    }

    fn read(value: Value) -> Result<Self, Wrong> {
        let number = whole_number(&value).ok_or(Wrong::Type("a whole number"))?;
        number.try_into().map_err(|error| Wrong::Value(sentence(&error)))
    }
}

/// 2 and 2.0 are the same number in JSON.
fn whole_number(value: &Value) -> Option<i64> {
    let from_fraction = |number: f64| {
        let is_exact = number.fract() == 0.0 && number.abs() < 1e15;
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and far inside the range")]
        is_exact.then_some(number as i64)
    };
    value.as_i64().or_else(|| value.as_f64().and_then(from_fraction))
}

/// The order that the path names.
impl FromRequest for OrderId {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("order_id").unwrap_or_default();
        ready(parse(text).map_err(|detail| Problem::parameter("order_id", detail).into()))
    }
}

/// The line that the path names.
pub(crate) struct LineNumber(pub(super) u32);

impl LineNumber {
    pub(super) fn schema() -> Value {
        number_schema(&(1..=MAX_LINE_NUMBER))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let line = number(text, &(1..=MAX_LINE_NUMBER))?;
        // A line has one URL.
        if line.to_string() == text { Ok(Self(line)) } else { Err("The number has leading zeros.".to_owned()) }
    }
}

impl FromRequest for LineNumber {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("line").unwrap_or_default();
        ready(Self::parse(text).map_err(|detail| Problem::parameter("line", detail)))
    }
}
