//! What hears of events: the bus inside a process, and the log lines.

mod bus;
mod log_events;

pub use bus::InProcessBus;
pub use log_events::log_events;
