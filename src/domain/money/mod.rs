//! Amounts of money: never a float.

mod amount;
mod currency;
mod price;

pub use amount::Amount;
pub use currency::{Currency, CurrencyError};
pub use price::{Price, PriceError};
