//! The routes of orders.

pub(crate) mod batch;
pub(crate) mod create;
pub(crate) mod cursor;
pub(crate) mod history;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod order_body;
pub(crate) mod order_request;
