//! Writing responses, problems among them.

pub(crate) mod base_path;
pub(crate) mod cloud_event;
pub(crate) mod code;
pub(crate) mod errors;
pub(crate) mod json;
pub(crate) mod problem;
pub(crate) mod timestamp;
