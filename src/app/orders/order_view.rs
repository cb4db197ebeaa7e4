use time::OffsetDateTime;

use crate::domain::{Action, Amount, Currency, CustomerId, Line, OrderError, OrderId, OrderRules, OrderState, Status};

/// An order as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub status: StoredStatus,
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

/// The status of a stored order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredStatus {
    Known(Status),
    /// A newer release wrote it. It is shown as it is, and allows no action.
    Unknown(String),
}

/// Why an order does not allow an action now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefusal {
    #[error(transparent)]
    Rule(#[from] OrderError),
    #[error("a newer release of the service wrote the status of this order; an instance of that release can act on it")]
    UnknownStatus,
}

impl StoredStatus {
    /// Reads the stored text.
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Unknown(text.to_owned()), Self::Known)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(status) => status.as_str(),
            Self::Unknown(text) => text,
        }
    }
}

impl From<Status> for StoredStatus {
    fn from(status: Status) -> Self {
        Self::Known(status)
    }
}

impl OrderSummary {
    pub fn allowed_actions(&self, rules: OrderRules) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.check(*action, rules).is_ok())
    }

    /// Each with the reason why it is refused.
    pub fn disallowed_actions(&self, rules: OrderRules) -> impl Iterator<Item = (Action, ActionRefusal)> {
        Action::ALL.into_iter().filter_map(move |action| Some((action, self.check(action, rules).err()?)))
    }

    fn check(&self, action: Action, rules: OrderRules) -> Result<(), ActionRefusal> {
        match self.status {
            StoredStatus::Known(status) => Ok(action.check(status, self.items_count, rules)?),
            StoredStatus::Unknown(_) => Err(ActionRefusal::UnknownStatus),
        }
    }
}

impl From<&OrderState> for OrderSummary {
    fn from(order: &OrderState) -> Self {
        Self {
            order_id: order.order_id,
            customer_id: order.customer_id.clone(),
            status: order.status.into(),
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
