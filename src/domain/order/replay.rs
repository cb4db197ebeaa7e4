use crate::domain::{OrderEvent, OrderEventKind, OrderId, OrderState};

/// Folds the life of one order, event by event: what has been folded is never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    state: Option<OrderState>,
}

/// Why a list of events is not the life of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("an order begins with OrderCreated, and only begins with it")]
    NotABeginning,
    #[error("version {found} where version {expected} was due")]
    Version { expected: u32, found: u32 },
    #[error("an event of order {0}")]
    OtherOrder(OrderId),
    #[error("line {0} is changed or removed, and is not there")]
    NoSuchLine(u32),
}

impl Replay {
    /// Takes the next event of the order. Whether the order allowed it was decided when it was recorded, by the rules of then.
    pub fn apply(&mut self, event: &OrderEvent) -> Result<(), ReplayError> {
        let expected = self.state.as_ref().map_or(1, |state| state.version + 1);
        if event.version != expected {
            return Err(ReplayError::Version { expected, found: event.version });
        }
        match (&mut self.state, &event.kind) {
            (None, OrderEventKind::OrderCreated { customer_id, currency }) => {
                self.state = Some(OrderState::created(event, customer_id.clone(), *currency));
                Ok(())
            }
            (None, _) | (Some(_), OrderEventKind::OrderCreated { .. }) => Err(ReplayError::NotABeginning),
            (Some(state), _) if state.order_id != event.order_id => Err(ReplayError::OtherOrder(event.order_id)),
            (Some(state), OrderEventKind::QuantityChanged { line, .. } | OrderEventKind::ItemRemoved { line })
                if !state.has_line(*line) =>
            {
                Err(ReplayError::NoSuchLine(*line))
            }
            (Some(state), _) => {
                state.apply(event);
                Ok(())
            }
        }
    }

    /// The state after the last event.
    pub fn finish(self) -> Result<OrderState, ReplayError> {
        self.state.ok_or(ReplayError::NotABeginning)
    }
}
