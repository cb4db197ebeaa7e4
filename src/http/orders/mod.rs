//! The routes of orders.

pub(crate) mod batch;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod items;
pub(crate) mod lifecycle;
pub(crate) mod list;

mod calendar;
mod cursor;
mod order_body;
mod order_doc;
mod order_example;
mod order_request;
mod order_response;
mod order_values;
mod order_write;
pub(super) mod stats;
