use std::fmt;

use sqlx::{PgPool, postgres::PgConnectOptions};

use crate::{
    app::{RepoError, UnitOfWork, Uow},
    domain::TenantId,
};

use super::{PoolSettings, connect::pool, errors::repo_error, repo::PgOrderRepo};

/// Orders in PostgreSQL.
#[derive(Clone)]
pub struct PgStore {
    pub(super) pool: PgPool,
}

impl PgStore {
    pub fn new(options: PgConnectOptions, settings: PoolSettings) -> Self {
        Self { pool: pool(options, settings) }
    }

    /// Waits for the connections in use, and closes all of them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl UnitOfWork for PgStore {
    type Repo = PgOrderRepo;

    async fn begin(&self, tenant: &TenantId) -> Result<Uow<PgOrderRepo>, RepoError> {
        // When a BEGIN is dropped half-way, sqlx 0.9 can leave the session "idle in transaction": it runs where nobody can drop it.
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        let transaction = begun.map_err(|error| RepoError::Unavailable(error.into()))?.map_err(repo_error)?;
        Ok(Uow::new(PgOrderRepo::new(transaction, tenant.clone())))
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("connections", &self.pool.size()).finish_non_exhaustive()
    }
}
