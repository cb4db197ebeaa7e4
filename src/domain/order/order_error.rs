use crate::domain::{Currency, Status};

/// Why an order refused an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order is {0}; it can be changed and placed only while it is open")]
    NotOpen(Status),
    #[error("the order has no items")]
    Empty,
    #[error("the order is {0}; it can be cancelled only while it is open or placed")]
    NotCancellable(Status),
    #[error("the order is {0}; it can be fulfilled only while it is placed")]
    NotPlaced(Status),
    #[error("the order has no line {0}")]
    NoSuchLine(u32),
    #[error("an order has at most {max} lines")]
    TooManyLines { max: usize },
    #[error("the order is in {order}, the price in {price}: an order has one currency")]
    CurrencyMismatch { order: Currency, price: Currency },
}
