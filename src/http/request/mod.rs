//! Reading requests: the extractors that handlers take, and the definitions that they read by.

pub(crate) mod body;
pub(crate) mod body_schema;
pub(crate) mod caller;
pub(crate) mod client_address;
pub(crate) mod conditions;
pub(crate) mod entity_tags;
pub(crate) mod fields;
pub(crate) mod idempotency_key;
pub(crate) mod json;
pub(crate) mod plain_body;
pub(crate) mod query;
pub(crate) mod read_body;
pub(crate) mod target;
pub(crate) mod text;
