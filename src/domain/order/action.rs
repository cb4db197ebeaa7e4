use std::fmt;

use crate::domain::{MAX_LINES, OrderError, Status};

/// A move that an order may or may not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    AddItem,
    ChangeQuantity,
    RemoveItem,
    Place,
    Cancel,
    Fulfil,
}

impl Action {
    pub const ALL: [Self; 6] =
        [Self::AddItem, Self::ChangeQuantity, Self::RemoveItem, Self::Place, Self::Cancel, Self::Fulfil];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddItem => "add_item",
            Self::ChangeQuantity => "change_quantity",
            Self::RemoveItem => "remove_item",
            Self::Place => "place",
            Self::Cancel => "cancel",
            Self::Fulfil => "fulfil",
        }
    }

    /// Whether an order with this status and this many lines allows the move, and if not, why.
    pub const fn check(self, status: Status, items_count: usize) -> Result<(), OrderError> {
        match (self, status) {
            (Self::AddItem, Status::Open) if items_count >= MAX_LINES => Err(OrderError::TooManyLines),
            (Self::ChangeQuantity | Self::RemoveItem | Self::Place, Status::Open) if items_count == 0 => {
                Err(OrderError::Empty)
            }
            (Self::AddItem | Self::ChangeQuantity | Self::RemoveItem | Self::Place, Status::Open)
            | (Self::Cancel, Status::Open | Status::Placed)
            | (Self::Fulfil, Status::Placed) => Ok(()),
            (Self::AddItem | Self::ChangeQuantity | Self::RemoveItem | Self::Place, _) => {
                Err(OrderError::NotOpen(status))
            }
            (Self::Cancel, _) => Err(OrderError::NotCancellable(status)),
            (Self::Fulfil, _) => Err(OrderError::NotPlaced(status)),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
