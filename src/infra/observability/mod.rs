//! Logging and metrics.

mod log_file;
mod log_levels;
mod log_thread;
mod logging;
mod metrics;
mod process;
mod prometheus_text;

pub use log_levels::LogLevelsError;
pub use log_thread::{flush_logging, unblock_logging};
pub use logging::{LogDir, LogFormat, init_logging};
pub use metrics::Metrics;
pub(crate) use metrics::PoolUse;
