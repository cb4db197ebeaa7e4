//! Access control over HTTP: the API keys of a tenant, and who the caller is.

pub(crate) mod caller;
mod key_body;
mod key_values;
pub(crate) mod keys;
pub(crate) mod rotate_key;
