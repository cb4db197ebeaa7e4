use std::time::Duration;

use orders::infra::{PgStore, PoolSettings};
use sqlx::postgres::PgConnectOptions;

use super::PATIENCE;

/// A store of a test, with the settings that the test is about.
#[must_use]
pub(crate) struct StoreBuilder {
    options: PgConnectOptions,
    settings: PoolSettings,
}

impl StoreBuilder {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self { options, settings: PoolSettings { max_connections: 8, acquire_timeout: PATIENCE } }
    }

    pub(crate) fn max_connections(mut self, max_connections: u32) -> Self {
        self.settings.max_connections = max_connections;
        self
    }

    pub(crate) fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.settings.acquire_timeout = acquire_timeout;
        self
    }

    /// A setting of every session of the store.
    pub(crate) fn session_setting(mut self, name: &str, value: &str) -> Self {
        self.options = self.options.options([(name, value)]);
        self
    }

    /// PostgreSQL logs the plan of every statement, for `Database::plans`.
    pub(crate) fn explained(self, plan_cache_mode: &str) -> Self {
        self.max_connections(1)
            .session_setting("session_preload_libraries", "auto_explain")
            .session_setting("auto_explain.log_min_duration", "0")
            .session_setting("plan_cache_mode", plan_cache_mode)
    }

    pub(crate) fn build(self) -> PgStore {
        PgStore::new(&self.options, self.settings)
    }
}
