//! Tests of the service as an operator runs it: a process with settings, signals and files.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod consuming;
mod crash;
mod documents;
mod embedded;
mod faults;
mod fleet;
mod generated;
#[cfg(feature = "kafka")]
mod kafka;
mod logs;
mod migrations;
mod nginx;
mod open_files;
mod outages;
mod rabbitmq;
mod settings;
mod silence;
mod silent_readers;
mod sinks;
mod starts;
mod stats;
mod stops;
mod supervision;
