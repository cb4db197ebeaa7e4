use std::fmt;

use rust_decimal::Decimal;

use crate::domain::{Currency, MAX_LINES, Quantity};

/// The price of one unit: a decimal amount ≥ 0 in a currency, with no more decimals than that currency has. Never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    value: Decimal,
    currency: Currency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("a price is a decimal number in digits, e.g. 999.99")]
    NotANumber,
    #[error("a price is not negative")]
    Negative,
    #[error("a price in {0} has at most {decimals} decimals", decimals = .0.decimals())]
    TooManyDecimals(Currency),
    #[error("a price is at most {}", Price::MAX)]
    TooLarge,
}

impl Price {
    /// The largest price in any currency. With it the total of every order stays below 10^14, which `numeric(18,4)` holds.
    pub const MAX: u64 = 500_000_000;

    pub fn new(value: Decimal, currency: Currency) -> Result<Self, PriceError> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(PriceError::Negative);
        }
        if value > Decimal::from(Self::MAX) {
            return Err(PriceError::TooLarge);
        }
        let mut exact = value.normalize().abs();
        if exact.scale() > currency.decimals() {
            return Err(PriceError::TooManyDecimals(currency));
        }
        exact.rescale(currency.decimals());
        Ok(Self { value: exact, currency })
    }

    /// Reads digits with at most one point between them, without an exponent or separators. The only sign is `-`.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, PriceError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(PriceError::NotANumber);
        }
        if whole.trim_start_matches('0').len() > 10 {
            return Err(if digits == text { PriceError::TooLarge } else { PriceError::Negative });
        }
        let value = Decimal::from_str_exact(text).map_err(|_| PriceError::TooManyDecimals(currency))?;
        Self::new(value, currency)
    }

    pub const fn value(self) -> Decimal {
        self.value
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }
}

/// The bare number with the decimals of its currency, e.g. `999.90`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

const _: () = assert!(
    MAX_LINES as u64 * Quantity::MAX as u64 * Price::MAX < 10_u64.pow(14),
    "the total of the largest order fits numeric(18,4)"
);
