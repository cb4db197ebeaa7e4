//! How a route is declared and documented.

pub(crate) mod doc;
pub(crate) mod endpoint;
pub(crate) mod openapi;
