use time::OffsetDateTime;

use crate::domain::{Action, Amount, Currency, CustomerId, Line, OrderError, OrderId, OrderRules, OrderState, Status};

/// An order as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub status: Status,
    pub currency: Currency,
    pub items_count: usize,
    pub units_count: u32,
    pub total_amount: Amount,
    pub version: u32,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDetails {
    pub summary: OrderSummary,
    pub items: Vec<Line>,
}

impl OrderSummary {
    pub fn allowed_actions(&self, rules: OrderRules) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| action.check(self.status, self.items_count, rules).is_ok())
    }

    /// Each with the rule that refuses it.
    pub fn disallowed_actions(&self, rules: OrderRules) -> impl Iterator<Item = (Action, OrderError)> {
        let refusal =
            move |action: Action| action.check(self.status, self.items_count, rules).err().map(|error| (action, error));
        Action::ALL.into_iter().filter_map(refusal)
    }
}

impl From<&OrderState> for OrderSummary {
    fn from(order: &OrderState) -> Self {
        Self {
            order_id: order.order_id,
            customer_id: order.customer_id.clone(),
            status: order.status,
            currency: order.currency,
            items_count: order.items_count(),
            units_count: order.units_count(),
            total_amount: order.total_amount(),
            version: order.version,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

impl From<&OrderState> for OrderDetails {
    fn from(order: &OrderState) -> Self {
        Self { summary: order.into(), items: order.lines.clone() }
    }
}

impl From<OrderState> for OrderDetails {
    fn from(order: OrderState) -> Self {
        Self { summary: (&order).into(), items: order.lines }
    }
}
