use super::{
    Action, Currency, CustomerId, Fact, Line, MAX_LINES, OrderEvent, OrderId, OrderState, Price, ProductName, Quantity,
    Sku, Stamp, Status,
};

/// The aggregate root: it alone decides what may happen to an order, and records what did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    state: OrderState,
    recorded: Vec<OrderEvent>,
}

/// Why an order refused a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order is {0}; items can be changed only while it is open")]
    NotOpen(Status),
    #[error("an order has at most {MAX_LINES} lines")]
    TooManyLines,
    #[error("the order is in {order}, the price in {price}: an order has one currency")]
    CurrencyMismatch { order: Currency, price: Currency },
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
}

impl Order {
    /// An open order with no lines.
    pub fn create(order_id: OrderId, customer_id: CustomerId, currency: Currency, stamp: Stamp) -> Self {
        let created = OrderEvent {
            event_id: stamp.event_id(),
            order_id,
            version: 1,
            occurred_at: stamp.at(),
            fact: Fact::OrderCreated { customer_id: customer_id.clone(), currency },
        };
        Self { state: OrderState::created(&created, customer_id, currency), recorded: vec![created] }
    }

    /// An order as it was stored: it has recorded nothing.
    pub const fn restore(state: OrderState) -> Self {
        Self { state, recorded: Vec::new() }
    }

    /// The order whose whole life these events are. It has recorded nothing.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a OrderEvent>) -> Result<Self, ReplayError> {
        let mut events = events.into_iter();
        let first = events.next().ok_or(ReplayError::NotABeginning)?;
        let Fact::OrderCreated { customer_id, currency } = first.fact.clone() else {
            return Err(ReplayError::NotABeginning);
        };
        if first.version != 1 {
            return Err(ReplayError::Version { expected: 1, found: first.version });
        }
        let mut state = OrderState::created(first, customer_id, currency);
        for event in events {
            if event.order_id != state.order_id {
                return Err(ReplayError::OtherOrder(event.order_id));
            }
            if event.version != state.version + 1 {
                return Err(ReplayError::Version { expected: state.version + 1, found: event.version });
            }
            if matches!(event.fact, Fact::OrderCreated { .. }) {
                return Err(ReplayError::NotABeginning);
            }
            state.apply(event);
        }
        Ok(Self::restore(state))
    }

    /// Appends a line with the name and the price of this moment.
    pub fn add_item(
        &mut self,
        sku: Sku,
        name: ProductName,
        quantity: Quantity,
        unit_price: Price,
        stamp: Stamp,
    ) -> Result<(), OrderError> {
        self.check(Action::AddItem)?;
        if unit_price.currency() != self.state.currency {
            return Err(OrderError::CurrencyMismatch { order: self.state.currency, price: unit_price.currency() });
        }
        let line = self.state.last_line + 1;
        self.record(stamp, Fact::ItemAdded { line, sku, name, quantity, unit_price });
        Ok(())
    }

    pub const fn state(&self) -> &OrderState {
        &self.state
    }

    pub fn lines(&self) -> &[Line] {
        &self.state.lines
    }

    /// What happened since the order was created, loaded or last asked: each event leaves once.
    pub fn take_events(&mut self) -> Vec<OrderEvent> {
        std::mem::take(&mut self.recorded)
    }

    fn check(&self, action: Action) -> Result<(), OrderError> {
        action.check(self.state.status, self.state.items_count())
    }

    fn record(&mut self, stamp: Stamp, fact: Fact) {
        let event = OrderEvent {
            event_id: stamp.event_id(),
            order_id: self.state.order_id,
            version: self.state.version + 1,
            // Clocks of two machines differ; the life of an order runs forwards all the same.
            occurred_at: stamp.at().max(self.state.updated_at),
            fact,
        };
        self.state.apply(&event);
        self.recorded.push(event);
    }
}
