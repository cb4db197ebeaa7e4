use crate::domain::{OrderRules, Stamp};

/// The inputs of a decision that come from outside the order: the rules, and the stamp of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub rules: OrderRules,
    pub stamp: Stamp,
}
