//! The REST API over the use cases, on any store. `routes.rs` lists every route.

mod access;
mod admin_server;
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

pub use admin_server::{AdminServer, serve_admin};
pub use app_state::{AppState, HttpLimits, MetricsRenderer};
pub use middleware::{hosts::AllowedHosts, http_metrics::HttpMetrics};
pub use response::base_path::BasePath;
pub use server::{HttpSettings, Serving, serve};
