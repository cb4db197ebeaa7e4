use crate::domain::{OrderEvent, OrderEventKind, OrderId, OrderState};

/// Folds the events of one order, one after the other. It keeps the state only, and no event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    state: Option<OrderState>,
}

/// Why a list of events is not the history of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("OrderCreated must be the first event of an order, and only the first")]
    NotABeginning,
    #[error("expected version {expected}, found version {found}")]
    Version { expected: u32, found: u32 },
    #[error("the event belongs to order {0}")]
    OtherOrder(OrderId),
    #[error("the event changes or removes line {0}, which does not exist")]
    NoSuchLine(u32),
}

impl Replay {
    /// Applies the next event of the order. It checks no rules: the order checked them when it recorded the event.
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

    /// The state so far.
    pub fn state(&self) -> Result<&OrderState, ReplayError> {
        self.state.as_ref().ok_or(ReplayError::NotABeginning)
    }

    /// The state after the last event.
    pub fn finish(self) -> Result<OrderState, ReplayError> {
        self.state.ok_or(ReplayError::NotABeginning)
    }
}
