//! The service as an operator meets it: a process, its settings, its signals, its files.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod documents;
mod embedded;
mod faults;
mod logs;
mod outages;
mod settings;
mod stops;
