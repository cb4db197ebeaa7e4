//! What every request passes through.

pub(crate) mod cors;
pub(crate) mod observe;
