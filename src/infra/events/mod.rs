//! Where events go inside a process: the bus, and the log lines.

mod bus;
mod log_events;

pub use bus::InProcessBus;
pub use log_events::log_events;
