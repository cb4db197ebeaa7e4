//! The contract of the ports, tested on their adapters.
//!
//! The tests that need PostgreSQL are in modules named `on_postgres`: `--skip on_postgres::` runs the others.

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "kafka")]
mod kafka;
mod on_postgres;
mod pricing;
mod promises;
mod rabbitmq;
mod recorder;
mod setup;
mod wire;
mod workload;
