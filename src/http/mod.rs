//! The REST API over the use cases, on any store. `routes.rs` shows all of it at a glance.

mod app;
mod body;
mod code;
mod console;
mod cursor;
mod endpoint;
mod fields;
mod health;
mod json;
mod observe;
mod order_body;
mod orders;
mod parameters;
mod problem;
mod products;
mod request_id;
mod routes;
mod server;

pub use app::App;
pub use server::{HttpSettings, Serving, serve};
