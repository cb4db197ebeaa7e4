//! Checks every order against the event log, and that no position is missing.

mod audit;
mod check;
mod figures;
mod orders;
mod positions;
mod progress;
mod replay;
mod report;
mod sequences;

pub use check::{VerifyError, verify};
pub use report::{Finding, VerifyReport};
