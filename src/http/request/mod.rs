//! Reading requests.

pub(crate) mod body;
pub(crate) mod conditions;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod parameters;
