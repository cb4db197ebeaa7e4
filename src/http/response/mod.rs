//! Writing responses, problems among them.

pub(crate) mod code;
pub(crate) mod errors;
pub(crate) mod problem;
