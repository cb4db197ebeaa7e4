use crate::domain::{
    Action, CancelReason, Context, Currency, CustomerId, Line, OrderError, OrderEvent, OrderEventKind, OrderId,
    OrderRules, OrderState, Price, ProductName, Quantity, Replay, ReplayError, Sku, Stamp,
};

/// The aggregate root: it decides what may happen to an order, and records what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    state: OrderState,
    recorded: Vec<OrderEvent>,
}

impl Order {
    /// An open order with no lines.
    pub fn create(order_id: OrderId, customer_id: CustomerId, currency: Currency, context: Context) -> Self {
        let stamp = context.stamp;
        let created = OrderEvent {
            event_id: stamp.event_id(),
            order_id,
            version: 1,
            occurred_at: stamp.at(),
            kind: OrderEventKind::OrderCreated { customer_id: customer_id.clone(), currency },
        };
        Self { state: OrderState::created(&created, customer_id, currency), recorded: vec![created] }
    }

    /// An order as it was stored, without recorded events.
    pub const fn restore(state: OrderState) -> Self {
        Self { state, recorded: Vec::new() }
    }

    /// The order that has exactly these events, without recorded events.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a OrderEvent>) -> Result<Self, ReplayError> {
        let mut replay = Replay::default();
        for event in events {
            replay.apply(event)?;
        }
        replay.finish().map(Self::restore)
    }

    /// Appends a line with the current name and price of the product.
    pub fn add_item(
        &mut self,
        sku: Sku,
        name: ProductName,
        quantity: Quantity,
        unit_price: Price,
        context: Context,
    ) -> Result<(), OrderError> {
        self.check(Action::AddItem, context.rules)?;
        if unit_price.currency() != self.state.currency {
            return Err(OrderError::CurrencyMismatch { order: self.state.currency, price: unit_price.currency() });
        }
        let line = self.state.last_line + 1;
        self.record(context.stamp, OrderEventKind::ItemAdded { line, sku, name, quantity, unit_price });
        Ok(())
    }

    /// Sets how many units of the product the line has.
    pub fn change_quantity(&mut self, line: u32, quantity: Quantity, context: Context) -> Result<(), OrderError> {
        self.check_line(line)?;
        self.check(Action::ChangeQuantity, context.rules)?;
        self.record(context.stamp, OrderEventKind::QuantityChanged { line, quantity });
        Ok(())
    }

    /// Removes the line. Its number is not used again.
    pub fn remove_item(&mut self, line: u32, context: Context) -> Result<(), OrderError> {
        self.check_line(line)?;
        self.check(Action::RemoveItem, context.rules)?;
        self.record(context.stamp, OrderEventKind::ItemRemoved { line });
        Ok(())
    }

    /// Records that the customer commits to the order as it is.
    pub fn place(&mut self, context: Context) -> Result<(), OrderError> {
        self.check(Action::Place, context.rules)?;
        self.record(context.stamp, OrderEventKind::OrderPlaced);
        Ok(())
    }

    /// Cancels the order. Final.
    pub fn cancel(&mut self, reason: Option<CancelReason>, context: Context) -> Result<(), OrderError> {
        self.check(Action::Cancel, context.rules)?;
        self.record(context.stamp, OrderEventKind::OrderCancelled { reason });
        Ok(())
    }

    /// Records that everything was delivered. Final.
    pub fn fulfil(&mut self, context: Context) -> Result<(), OrderError> {
        self.check(Action::Fulfil, context.rules)?;
        self.record(context.stamp, OrderEventKind::OrderFulfilled);
        Ok(())
    }

    pub const fn state(&self) -> &OrderState {
        &self.state
    }

    pub fn lines(&self) -> &[Line] {
        &self.state.lines
    }

    /// The events since the order was created or loaded. Each event leaves the order once.
    pub fn take_events(&mut self) -> Vec<OrderEvent> {
        std::mem::take(&mut self.recorded)
    }

    /// The current state, and the events that `take_events` would return.
    pub fn into_state_and_events(self) -> (OrderState, Vec<OrderEvent>) {
        (self.state, self.recorded)
    }

    fn check(&self, action: Action, rules: OrderRules) -> Result<(), OrderError> {
        action.check(self.state.status, self.state.items_count(), rules)
    }

    fn check_line(&self, number: u32) -> Result<(), OrderError> {
        if self.state.has_line(number) { Ok(()) } else { Err(OrderError::NoSuchLine(number)) }
    }

    fn record(&mut self, stamp: Stamp, kind: OrderEventKind) {
        let event = OrderEvent {
            event_id: stamp.event_id(),
            order_id: self.state.order_id,
            version: self.state.version + 1,
            // The clocks of two machines differ. The times of an order's events still never decrease.
            occurred_at: stamp.at().max(self.state.updated_at),
            kind,
        };
        self.state.apply(&event);
        self.recorded.push(event);
    }
}
