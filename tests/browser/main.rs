//! Tests of the console in a real browser, on the real service, on PostgreSQL.

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod console;
mod list;
mod live;
mod look;
mod new_order;
mod order;
mod sign_in;
mod speed;
mod texts;
