//! Where events go: the bus inside a process, and the relay to the event sinks. Each sink has a file of its own.
//!
//! The relay has a thread of its own. A sink that blocks this thread blocks every other sink of the process: a sink only
//! awaits, and leaves blocking work to `tokio::task::spawn_blocking`.

mod bus;
#[cfg(feature = "kafka")]
mod kafka;
mod log_lines;
mod rabbitmq;
mod relay;

pub use bus::InProcessBus;
#[cfg(feature = "kafka")]
pub use kafka::{Kafka, KafkaSettings};
pub use log_lines::LogLines;
pub use rabbitmq::{AmqpUrlError, RabbitMq};
pub use relay::Relay;
