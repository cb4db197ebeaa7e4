//! Where events go inside a process: the bus and the event sinks.
//!
//! A sink runs on the thread of the group commit (see `src/main.rs`). A sink that blocks this thread blocks every write of
//! the process: a sink only awaits, and leaves blocking work to `tokio::task::spawn_blocking`.

mod bus;
mod log_events;

pub use bus::InProcessBus;
pub use log_events::log_events;
