use std::{fmt, str::FromStr};

/// How many units of a product a line has: 1 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from {} to {}", Quantity::MIN, Quantity::MAX)]
pub struct QuantityError;

impl Quantity {
    pub const MIN: u16 = 1;
    pub const MAX: u16 = 999;

    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = QuantityError;

    fn try_from(number: i64) -> Result<Self, QuantityError> {
        match u16::try_from(number) {
            Ok(number @ Self::MIN..=Self::MAX) => Ok(Self(number)),
            _ => Err(QuantityError),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text.parse::<i64>().map_err(|_| QuantityError)?.try_into()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
