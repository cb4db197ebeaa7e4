use std::fmt;

use super::{MAX_LINES, OrderError, Status};

/// A move that an order may or may not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    AddItem,
}

impl Action {
    pub const ALL: [Self; 1] = [Self::AddItem];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddItem => "add_item",
        }
    }

    /// Whether an order with this status and this many lines allows the move, and if not, why.
    pub const fn check(self, status: Status, items_count: usize) -> Result<(), OrderError> {
        match self {
            Self::AddItem if !matches!(status, Status::Open) => Err(OrderError::NotOpen(status)),
            Self::AddItem if items_count >= MAX_LINES => Err(OrderError::TooManyLines),
            Self::AddItem => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
