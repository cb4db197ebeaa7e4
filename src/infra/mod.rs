//! The adapters of the ports: PostgreSQL, memory, pricing, logging, metrics.

mod access;
mod background;
mod cause;
mod clock;
mod embedded;
mod events;
mod ids;
mod memory;
mod observability;
mod open_files;
mod postgres;
mod pricing;

pub use access::{Access, AccessSettings, JwksError, JwtSettings, KeyText, LimitSettings, Limits, LimitsError, Rate};
pub use background::{keep_running, yield_to_requests};
pub use clock::SystemClock;
pub use embedded::{EmbeddedError, EmbeddedPostgres, launch_private_postgres, own_program};
pub use events::{AmqpUrlError, InProcessBus, LogLines, RabbitMq, Relay};
#[cfg(feature = "kafka")]
pub use events::{Kafka, KafkaSettings};
pub use ids::UuidV7;
pub use memory::MemoryStore;
pub use observability::{LogDir, LogFormat, LogLevelsError, Metrics, flush_logging, init_logging, unblock_logging};
pub use open_files::raise_open_files_limit;
pub use postgres::{
    Finding, MigrateError, OrderStatsProjection, PgStore, PoolSettings, RebuiltStats, StatementError, VerifyError,
    VerifyReport, connect_options, migrate, verify,
};
pub use pricing::{
    BreakerSettings, BreakerState, CatalogueError, HttpPricing, Pricing, PricingOutcomes, PricingSettings,
    PricingSetupError, StaticCatalogue,
};
