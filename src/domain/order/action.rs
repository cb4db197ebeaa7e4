use crate::domain::{OrderError, OrderRules, Status};

use super::names::names;

names! {
    /// What a caller can do to an order, if the order allows it.
    pub enum Action {
        AddItem = "add_item",
        ChangeQuantity = "change_quantity",
        RemoveItem = "remove_item",
        Place = "place",
        Cancel = "cancel",
        Fulfil = "fulfil",
    }
}

impl Action {
    /// Whether an order with this status and this many lines allows the action, and if not, why.
    pub const fn check(self, status: Status, items_count: usize, rules: OrderRules) -> Result<(), OrderError> {
        match (self, status) {
            (Self::AddItem, Status::Open) if items_count >= rules.max_lines() => {
                Err(OrderError::TooManyLines { max: rules.max_lines() })
            }
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
