//! The sinks of the event log, as an operator sees and manages them. The relay works them.

mod list_sinks;
mod manage_sink;

pub use list_sinks::ListSinks;
pub use manage_sink::{ManageSinkError, MoveSink, PauseSink};
