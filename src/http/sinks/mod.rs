//! The sinks of the event log, for operators.

pub(super) mod list;
pub(super) mod manage;
pub(super) mod move_sink;
mod sink_body;
