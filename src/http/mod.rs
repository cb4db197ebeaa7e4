//! The REST API over the use cases, on any store. `routes.rs` lists every route.

mod access;
mod app_state;
mod connection;
mod events;
mod middleware;
mod orders;
mod products;
mod request;
mod request_id;
mod response;
mod routes;
mod routing;
mod server;
mod service;
mod sinks;

pub use app_state::{AppState, HttpLimits, MetricsRenderer};
pub use middleware::{hosts::AllowedHosts, http_metrics::HttpMetrics};
pub use request::client_address::TrustedProxies;
pub use response::base_path::BasePath;
pub use server::{AdminServer, HttpSettings, Serving, serve, serve_admin};
