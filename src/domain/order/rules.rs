/// The most lines that any rules allow an order. Prices, the checks of the database and the schemas of the API are made for
/// it, so a higher limit takes more than another value here.
pub const MAX_LINES: usize = 200;

/// The rules of an order that an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRules {
    max_lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order may have 1 to {MAX_LINES} lines")]
pub struct OrderRulesError;

impl OrderRules {
    pub const DEFAULT: Self = Self { max_lines: MAX_LINES };

    pub const fn new(max_lines: usize) -> Result<Self, OrderRulesError> {
        if 1 <= max_lines && max_lines <= MAX_LINES { Ok(Self { max_lines }) } else { Err(OrderRulesError) }
    }

    /// The most lines that an order gets. A stored order may have more, from a time with another rule.
    pub const fn max_lines(self) -> usize {
        self.max_lines
    }
}
