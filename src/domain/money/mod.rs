//! Amounts of money. None is a float.

mod amount;
mod currency;
mod price;

pub use amount::Amount;
pub use currency::{Currency, CurrencyError};
pub use price::{Price, PriceError};
