//! The REST API over the use cases, on any store. `routes.rs` shows all of it at a glance.

mod app;
mod batch;
mod body;
mod changes;
mod code;
mod conditions;
mod console;
mod cors;
mod cursor;
mod docs;
mod endpoint;
mod errors;
mod event_body;
mod events;
mod fields;
mod health;
mod history;
mod json;
mod lists;
mod metrics;
mod observe;
mod openapi;
mod order_body;
mod order_request;
mod orders;
mod parameters;
mod problem;
mod products;
mod request_id;
mod routes;
mod server;
mod stream;

pub use app::{AppState, HttpLimits};
pub use server::{HttpSettings, Serving, serve};
