//! Checks every order against the event log.

mod check;
mod report;

pub use check::{VerifyError, verify};
pub use report::{Finding, VerifyReport};
