//! How often callers may ask: the generic cell rate algorithm (GCRA), in this process or shared by all instances.

mod failures;
mod limiter;
mod local;
mod rate;
mod shared;

pub use limiter::{LimitSettings, Limits, LimitsError};
pub use rate::Rate;
