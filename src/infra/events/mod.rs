//! The wire format of events, and their adapters: the bus inside a process, and the log lines.

mod bus;
pub(crate) mod event_data;
mod log_events;

pub use bus::InProcessBus;
pub use log_events::log_events;
