use std::fmt;

use rust_decimal::Decimal;

use crate::domain::{Currency, Price, Quantity};

/// A sum of money in one currency, with exactly the decimals of that currency. Never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    value: Decimal,
    currency: Currency,
}

impl Amount {
    pub fn zero(currency: Currency) -> Self {
        Self::exactly(Decimal::ZERO, currency)
    }

    /// A stored amount, shown with the decimals of its currency.
    pub fn exactly(mut value: Decimal, currency: Currency) -> Self {
        value.rescale(currency.decimals());
        Self { value, currency }
    }

    /// Quantity × unit price. `None` if the result has more than 28 digits.
    pub fn checked_product(price: Price, quantity: Quantity) -> Option<Self> {
        let value = price.value().checked_mul(Decimal::from(quantity.get()))?;
        Some(Self::exactly(value, price.currency()))
    }

    /// `None` for two currencies, and if the sum has more than 28 digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let value = self.value.checked_add(other.value)?;
        (self.currency == other.currency).then_some(Self { value, currency: self.currency })
    }

    pub const fn value(self) -> Decimal {
        self.value
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }
}

/// The bare number with the decimals of its currency, e.g. `999.90`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
