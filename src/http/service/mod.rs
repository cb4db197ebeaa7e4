//! The routes of the service itself: health, metrics, documents, the console.

pub(crate) mod console;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod metrics;
