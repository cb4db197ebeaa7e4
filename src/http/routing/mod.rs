//! How a route is declared and documented.

pub(crate) mod endpoint;
pub(crate) mod openapi;
