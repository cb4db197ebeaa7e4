use time::OffsetDateTime;

use crate::domain::{
    Amount, Currency, CustomerId, OrderEvent, OrderEventKind, OrderId, Price, ProductName, Quantity, Sku, Status,
};

/// An order at one version: exactly the fold of its events so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub status: Status,
    pub currency: Currency,
    /// By line number, ascending.
    pub lines: Vec<Line>,
    /// The highest line number that was given. No number is given twice, so the address of a line stays unambiguous.
    pub last_line: u32,
    /// The number of events so far.
    pub version: u32,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// A product in an order, with the name and the price that it had when it was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1 for the first line of the order.
    pub number: u32,
    pub sku: Sku,
    pub name: ProductName,
    pub quantity: Quantity,
    pub unit_price: Price,
}

impl Line {
    #[expect(clippy::expect_used, reason = "Price::MAX × Quantity::MAX has 12 digits before the point and 4 behind it")]
    pub fn subtotal(&self) -> Amount {
        Amount::checked_product(self.unit_price, self.quantity).expect("28 digits hold the product")
    }
}

impl OrderState {
    /// The state after the first event of an order.
    pub(crate) fn created(event: &OrderEvent, customer_id: CustomerId, currency: Currency) -> Self {
        Self {
            order_id: event.order_id,
            customer_id,
            status: Status::Open,
            currency,
            lines: Vec::new(),
            last_line: 0,
            version: event.version,
            created_at: event.occurred_at,
            updated_at: event.occurred_at,
        }
    }

    /// The state after one more event.
    pub(crate) fn apply(&mut self, event: &OrderEvent) {
        match event.kind.clone() {
            OrderEventKind::OrderCreated { customer_id, currency } => {
                *self = Self::created(event, customer_id, currency);
            }
            OrderEventKind::ItemAdded { line, sku, name, quantity, unit_price } => {
                self.last_line = line;
                self.lines.push(Line { number: line, sku, name, quantity, unit_price });
            }
            OrderEventKind::QuantityChanged { line, quantity } => {
                for changed in self.lines.iter_mut().filter(|kept| kept.number == line) {
                    changed.quantity = quantity;
                }
            }
            OrderEventKind::ItemRemoved { line } => self.lines.retain(|kept| kept.number != line),
            OrderEventKind::OrderPlaced => self.status = Status::Placed,
            OrderEventKind::OrderCancelled { reason: _ } => self.status = Status::Cancelled,
            OrderEventKind::OrderFulfilled => self.status = Status::Fulfilled,
        }
        self.version = event.version;
        self.updated_at = event.occurred_at;
    }

    pub fn has_line(&self, number: u32) -> bool {
        self.lines.iter().any(|line| line.number == number)
    }

    pub fn items_count(&self) -> usize {
        self.lines.len()
    }

    pub fn units_count(&self) -> u32 {
        self.lines.iter().map(|line| u32::from(line.quantity.get())).sum()
    }

    #[expect(
        clippy::expect_used,
        reason = "an order has one currency, and price.rs proves that its total has 14 digits"
    )]
    pub fn total_amount(&self) -> Amount {
        self.lines
            .iter()
            .try_fold(Amount::zero(self.currency), |sum, line| sum.checked_add(line.subtotal()))
            .expect("28 digits hold the sum")
    }
}
