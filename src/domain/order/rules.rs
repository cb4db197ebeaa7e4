/// The highest limit of lines that an operator may choose. The bound of prices, the checks of the database and the
/// schemas of the API depend on it.
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

    /// An order with this many lines takes no more. A stored order may have more lines, if the limit was higher before.
    pub const fn max_lines(self) -> usize {
        self.max_lines
    }
}
