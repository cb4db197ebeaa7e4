//! The orders service: takes orders, prices their items, and keeps a log of what happened, in order.
//!
//! - [`domain`]: the rules of an order. Pure; knows nothing else here.
//! - [`app`]: the use cases, and the ports they need. Knows the domain.
//! - [`infra`]: the ports' adapters: PostgreSQL, memory, pricing, logging. Knows app and domain.
//! - [`http`]: the REST API over the use cases. Knows app and domain.
//! - [`config`]: every setting, its default and its check.
//! - [`trace`]: which trace a piece of work belongs to.
//! - [`healthcheck`]: asks a running service whether it is ready.
//! - [`bootstrap`]: puts the parts together; the only place that names both infra and http.

// Nothing that input can reach panics. Tests may.
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod app;
pub mod bootstrap;
pub mod config;
pub mod domain;
pub mod healthcheck;
pub mod http;
pub mod infra;
pub mod trace;
