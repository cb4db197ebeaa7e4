use std::{fmt, sync::Arc};

use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::Notify;

use crate::{
    app::{RepoError, UnitOfWork, Uow},
    domain::TenantId,
    infra::metrics::{Metrics, PoolUse},
};

use super::{PoolSettings, connect::pool, connections::Connections, errors::repo_error, repo::PgOrderRepo};

/// Orders in PostgreSQL.
#[derive(Clone)]
pub struct PgStore {
    /// For units of work.
    pub(super) pool: PgPool,
    /// For queries.
    pub(super) readers: Connections,
    /// For the one reader of the log that all streams wait for.
    pub(super) tail: Connections,
    /// Wakes who follows the log when this process has committed.
    pub(super) committed: Arc<Notify>,
    metrics: Option<Metrics>,
}

impl PgStore {
    /// Half of the connections are for queries. One more follows the log.
    pub fn new(options: &PgConnectOptions, settings: PoolSettings) -> Self {
        let for_queries = (settings.max_connections / 2).max(1);
        let for_writes = settings.max_connections.saturating_sub(for_queries).max(1);
        let sized = |max_connections| pool(options.clone(), PoolSettings { max_connections, ..settings });
        let readers = |connections| Connections::new(sized(connections), settings.acquire_timeout);
        Self {
            pool: sized(for_writes),
            readers: readers(for_queries),
            tail: readers(1),
            committed: Arc::default(),
            metrics: None,
        }
    }

    /// Counts what is committed, and shows how the connections are used.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let (pool, readers, tail) = (self.pool.clone(), self.readers.clone(), self.tail.clone());
        metrics.observe(move |metrics| {
            let (size, max) = (pool.size(), pool.options().get_max_connections());
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            metrics.pool(PoolUse { pool: "write", idle, used: size.saturating_sub(idle), max });
            metrics.pool(readers.state("read"));
            metrics.pool(tail.state("tail"));
        });
        Self { metrics: Some(metrics.clone()), ..self }
    }

    /// Waits for the connections in use, and closes all of them.
    pub async fn close(&self) {
        self.pool.close().await;
        self.readers.close().await;
        self.tail.close().await;
    }
}

impl UnitOfWork for PgStore {
    type Repo = PgOrderRepo;

    async fn begin(&self, tenant: &TenantId) -> Result<Uow<PgOrderRepo>, RepoError> {
        // When a BEGIN is dropped half-way, sqlx 0.9 can leave the session "idle in transaction": it runs where nobody can drop it.
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        let transaction = begun.map_err(|error| RepoError::Unavailable(error.into()))?.map_err(repo_error)?;
        Ok(Uow::new(PgOrderRepo::new(transaction, tenant.clone(), self.committed.clone(), self.metrics.clone())))
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("connections", &self.pool.size()).finish_non_exhaustive()
    }
}
