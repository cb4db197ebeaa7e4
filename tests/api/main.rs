//! The REST API, spoken to over HTTP as a client does, on each store.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod conditions;
mod document;
mod events;
mod framework;
mod helpers;
mod history;
mod idempotency;
mod lifecycle;
mod lists;
mod metrics;
mod orders;
mod pricing;
mod problems;
mod service;
mod stream;
