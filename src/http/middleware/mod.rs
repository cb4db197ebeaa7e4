//! What every request passes through.

pub(crate) mod authorize;
pub(crate) mod cors;
pub(crate) mod hosts;
pub(crate) mod http_metrics;
pub(crate) mod observe;
pub(crate) mod outages;
pub(crate) mod pages;
pub(crate) mod starting;
