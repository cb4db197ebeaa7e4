//! The orders service: takes orders, prices their items, and keeps an ordered event log.
//!
//! - [`domain`]: the rules of an order. Pure and synchronous; depends on no other part.
//! - [`app`]: the use cases, and the ports that they need. Depends on domain.
//! - [`infra`]: the adapters of the ports: PostgreSQL, memory, pricing, logging. Depends on app and domain.
//! - [`http`]: the REST API of the use cases. Depends on app and domain.
//! - [`config`]: every setting, its default and its check.
//! - [`trace`]: the trace that the current task belongs to.
//! - [`healthcheck`]: asks a running service whether it is ready.
//! - [`bootstrap`]: assembles all parts. Only this part depends on both infra and http.

// No input can cause a panic. Tests may panic.
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod app;
pub mod bootstrap;
pub mod config;
pub mod domain;
pub mod healthcheck;
pub mod http;
pub mod infra;
pub mod trace;
