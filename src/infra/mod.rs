//! The ports' adapters: where the outside world is really met.

mod clock;
mod embedded;
mod event_data;
mod events;
mod ids;
mod log_file;
mod log_thread;
mod logging;
mod memory;
mod metrics;
mod postgres;
mod pricing;
mod process;

pub use clock::SystemClock;
pub use embedded::{EmbeddedError, EmbeddedPostgres};
pub use events::{InProcessBus, log_events};
pub use ids::UuidV7;
pub use log_thread::flush_log;
pub use logging::{LogDir, LogFormat, init_logging};
pub use memory::MemoryStore;
pub use metrics::Metrics;
pub use postgres::{
    Finding, MigrateError, PgStore, PoolSettings, VerifyError, VerifyReport, connect_options, migrate, verify,
};
pub use pricing::{
    BreakerSettings, BreakerState, CatalogueError, HttpPricing, Pricing, PricingOutcomes, PricingSettings,
    PricingSetupError, StaticCatalogue,
};
