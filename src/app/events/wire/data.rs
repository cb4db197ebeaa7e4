//! The `data` of each kind of event: a JSON object with the facts of that event.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{CancelReason, Currency, CustomerId, Price, ProductName, Quantity, Sku};

use super::schema::{DescribedData, Field, integer, pattern, text};

/// Why this release cannot read an event of the event log.
#[derive(Debug, thiserror::Error)]
pub enum EventDataError {
    /// A newer release wrote it.
    #[error("unknown event type {0}")]
    UnknownType(String),
    #[error("malformed data of an event: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{field} of an event: {reason}")]
    Value { field: &'static str, reason: String },
}

/// Data that the fields of its kind of event can be read from. It is made of references to them by `From`.
pub(super) trait EventData {
    type Fields;

    fn into_fields(self) -> Result<Self::Fields, EventDataError>;
}

/// Declares the data of one kind of event once: the struct that serde writes and reads, and its JSON Schema. The doc
/// comments are the descriptions in the schema. A field behind `?` is absent where it has no value.
macro_rules! event_data {
    (
        #[doc = $description:literal]
        $name:ident $(<$lifetime:lifetime>)? {
            $($(#[doc = $text:literal])? $field:ident: $type:ty = $schema:expr,)*
            $(? $(#[doc = $optional_text:literal])? $optional:ident: $optional_type:ty = $optional_schema:expr,)*
        }
        $(example { $($example:ident: $value:expr),* })+
    ) => {
        #[doc = $description]
        #[derive(Serialize, Deserialize)]
        pub(super) struct $name $(<$lifetime>)? {
            $($(#[doc = $text])? $field: $type,)*
            $($(#[doc = $optional_text])?
            #[serde(skip_serializing_if = "Option::is_none")]
            $optional: Option<$optional_type>,)*
        }

        impl $(<$lifetime>)? DescribedData for $name $(<$lifetime>)? {
            const DESCRIPTION: &'static str = $description.trim_ascii();

            fn fields() -> Vec<(&'static str, Field)> {
                vec![
                    $((stringify!($field), $schema.required().described(concat!($($text)?))),)*
                    $((stringify!($optional), $optional_schema.described(concat!($($optional_text)?))),)*
                ]
            }

            fn examples() -> Vec<Self> {
                vec![$($name { $($example: $value),* }),+]
            }
        }
    };
}

event_data! {
    /// An open order without items was created.
    OrderCreated<'a> {
        /// The customer who orders.
        customer_id: Cow<'a, str> = text(CustomerId::MAX_CHARS),
        /// The currency of the order, an ISO 4217 code.
        currency: Cow<'a, str> = currency_code(),
    }
    example { customer_id: "customer-7".into(), currency: "EUR".into() }
}

impl<'a> From<(&'a CustomerId, &'a Currency)> for OrderCreated<'a> {
    fn from((customer_id, currency): (&'a CustomerId, &'a Currency)) -> Self {
        Self { customer_id: customer_id.as_str().into(), currency: currency.code().into() }
    }
}

impl EventData for OrderCreated<'_> {
    type Fields = (CustomerId, Currency);

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok((parse("customer_id", &self.customer_id)?, parse("currency", &self.currency)?))
    }
}

event_data! {
    /// A product was added, with the name and the price that it had at that moment.
    ItemAdded<'a> {
        /// The line number. An order never uses a line number twice.
        line: u32 = integer(1, None),
        sku: Cow<'a, str> = pattern(format!("^[A-Z0-9]{{{},{}}}$", Sku::MIN_CHARS, Sku::MAX_CHARS)),
        name: Cow<'a, str> = text(ProductName::MAX_CHARS),
        quantity: u16 = quantity_schema(),
        /// The price of one unit, with the decimals of the currency.
        price: Cow<'a, str> = pattern(r"^\d+(\.\d+)?$"),
        /// The currency of the price, an ISO 4217 code.
        currency: Cow<'a, str> = currency_code(),
    }
    example {
        line: 1, sku: "MOUSE456".into(), name: "Mouse".into(), quantity: 2, price: "29.99".into(), currency: "EUR".into()
    }
}

impl<'a> From<(&'a u32, &'a Sku, &'a ProductName, &'a Quantity, &'a Price)> for ItemAdded<'a> {
    fn from(
        (line, sku, name, quantity, unit_price): (&'a u32, &'a Sku, &'a ProductName, &'a Quantity, &'a Price),
    ) -> Self {
        Self {
            line: *line,
            sku: sku.as_str().into(),
            name: name.as_str().into(),
            quantity: quantity.get(),
            price: unit_price.to_string().into(),
            currency: unit_price.currency().code().into(),
        }
    }
}

impl EventData for ItemAdded<'_> {
    type Fields = (u32, Sku, ProductName, Quantity, Price);

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        let currency = parse("currency", &self.currency)?;
        let unit_price = checked("price", Price::parse(&self.price, currency))?;
        Ok((self.line, parse("sku", &self.sku)?, parse("name", &self.name)?, quantity(self.quantity)?, unit_price))
    }
}

event_data! {
    /// The quantity of a line changed.
    QuantityChanged {
        /// The line number. An order never uses a line number twice.
        line: u32 = integer(1, None),
        /// The new number of units on the line.
        quantity: u16 = quantity_schema(),
    }
    example { line: 1, quantity: 5 }
}

impl From<(&u32, &Quantity)> for QuantityChanged {
    fn from((line, quantity): (&u32, &Quantity)) -> Self {
        Self { line: *line, quantity: quantity.get() }
    }
}

impl EventData for QuantityChanged {
    type Fields = (u32, Quantity);

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok((self.line, quantity(self.quantity)?))
    }
}

event_data! {
    /// A line was removed.
    ItemRemoved {
        /// The line number. An order never uses a line number twice.
        line: u32 = integer(1, None),
    }
    example { line: 1 }
}

impl From<(&u32,)> for ItemRemoved {
    fn from((line,): (&u32,)) -> Self {
        Self { line: *line }
    }
}

impl EventData for ItemRemoved {
    type Fields = (u32,);

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok((self.line,))
    }
}

event_data! {
    /// The customer committed to the order. Its items are final.
    OrderPlaced {}
    example {}
}

impl From<()> for OrderPlaced {
    fn from((): ()) -> Self {
        Self {}
    }
}

impl EventData for OrderPlaced {
    type Fields = ();

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok(())
    }
}

event_data! {
    /// The order was cancelled. This is final.
    OrderCancelled<'a> {
        ?
        /// The reason, in free text; absent if none was given.
        reason: Cow<'a, str> = text(CancelReason::MAX_CHARS),
    }
    example { reason: Some("Ordered twice".into()) }
    example { reason: None }
}

impl<'a> From<(&'a Option<CancelReason>,)> for OrderCancelled<'a> {
    fn from((reason,): (&'a Option<CancelReason>,)) -> Self {
        Self { reason: reason.as_ref().map(|reason| reason.as_str().into()) }
    }
}

impl EventData for OrderCancelled<'_> {
    type Fields = (Option<CancelReason>,);

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok((self.reason.map(|reason| parse("reason", &reason)).transpose()?,))
    }
}

event_data! {
    /// The order was delivered. This is final.
    OrderFulfilled {}
    example {}
}

impl From<()> for OrderFulfilled {
    fn from((): ()) -> Self {
        Self {}
    }
}

impl EventData for OrderFulfilled {
    type Fields = ();

    fn into_fields(self) -> Result<Self::Fields, EventDataError> {
        Ok(())
    }
}

fn currency_code() -> Field {
    pattern("^[A-Z]{3}$")
}

fn quantity_schema() -> Field {
    integer(Quantity::MIN.into(), u32::from(Quantity::MAX))
}

fn quantity(number: u16) -> Result<Quantity, EventDataError> {
    checked("quantity", i64::from(number).try_into())
}

fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, EventDataError> {
    checked(field, text.parse())
}

fn checked<T, E: Display>(field: &'static str, value: Result<T, E>) -> Result<T, EventDataError> {
    value.map_err(|error| EventDataError::Value { field, reason: error.to_string() })
}
