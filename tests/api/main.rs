//! The REST API over HTTP, as a client uses it, on each store.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod base_path;
mod batch;
mod builder;
mod compatibility;
mod conditions;
mod connections;
mod document;
mod events;
mod follower;
mod framework;
mod framing;
mod fuzzer;
mod hang_ups;
mod helpers;
mod history;
mod hosts;
mod idempotency;
mod lifecycle;
mod lists;
mod metrics;
mod newer_release;
mod orders;
mod pages;
mod places;
mod pricing;
mod problems;
mod raw_client;
mod service;
mod stats;
mod stream;
mod upgrades;
