use std::{fmt, sync::Arc};

use sqlx::{PgPool, Postgres, Transaction, postgres::PgConnectOptions};

use crate::{
    app::{RepoError, UnitOfWork, Uow},
    domain::{OrderId, OrderState, TenantId},
    infra::observability::{Metrics, PoolUse},
};

use super::{
    PoolSettings,
    batched_reads::{BatchedReads, FoundOrder, KeyRead, OrderName, OrderRead},
    connection::{Connections, by_key, pool},
    errors::repo_error,
    group_commit::{self, GroupCommit, Listeners, OrderLocks},
    repo::PgOrderRepo,
};

/// Orders in PostgreSQL.
#[derive(Clone)]
pub struct PgStore {
    /// Every unit of work has a copy.
    pub(super) parts: Arc<Parts>,
}

pub(super) struct Parts {
    /// Commits what units of work have staged.
    pub(super) group_commit: GroupCommit,
    /// Whoever writes to an order that others write to.
    pub(super) order_locks: OrderLocks,
    /// For units of work that keep others from an order.
    pub(super) locking: PgPool,
    pub(super) order_reads: BatchedReads<OrderRead>,
    pub(super) key_reads: BatchedReads<KeyRead>,
    /// For all other queries.
    pub(super) readers: Connections,
    /// For the one reader of the log that all streams wait for.
    pub(super) tail: Connections,
    pub(super) listeners: Listeners,
    /// The connections of the lane and of the lookups.
    writer: Connections,
    batch_readers: Connections,
}

impl PgStore {
    /// Half of the connections are for queries, up to two of those for orders and keys that are looked up. One of the others
    /// is the lane's. One more follows the log. Each of these has at least one. Called where tasks can be spawned.
    pub fn new(options: &PgConnectOptions, settings: PoolSettings) -> Self {
        let sized = |options: PgConnectOptions, max_connections: u32| {
            pool(options, PoolSettings { max_connections: max_connections.max(1), ..settings })
        };
        let kept = |options, connections| Connections::new(sized(options, connections), settings.acquire_timeout);
        let for_queries = settings.max_connections / 2;
        // One for orders and one for keys: there is one statement at a time for each.
        let for_batches = (for_queries / 2).min(2);
        let by_key = by_key(options.clone());
        let (writer, batch_readers) = (kept(by_key.clone(), 1), kept(by_key.clone(), for_batches));
        let listeners = Listeners::default();
        let parts = Parts {
            group_commit: group_commit::start(writer.clone(), listeners.clone()),
            order_locks: OrderLocks::default(),
            locking: sized(by_key, settings.max_connections.saturating_sub(for_queries + 1)),
            order_reads: BatchedReads::new(batch_readers.clone()),
            key_reads: BatchedReads::new(batch_readers.clone()),
            // Each statement is written for one index, whatever its values are: it need not be planned for them.
            readers: kept(
                options.clone().options([("plan_cache_mode", "force_generic_plan")]),
                for_queries.saturating_sub(for_batches),
            ),
            tail: kept(options.clone(), 1),
            listeners,
            writer,
            batch_readers,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Counts what is committed, and shows how the connections are used.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let Parts { locking, readers, tail, writer, batch_readers, .. } = &*self.parts;
        let (locking, readers, tail) = (locking.clone(), readers.clone(), tail.clone());
        let (writer, batch_readers) = (writer.clone(), batch_readers.clone());
        metrics.before_rendering(move |metrics| {
            let (size, max) = (locking.size(), locking.options().get_max_connections());
            let idle = u32::try_from(locking.num_idle()).unwrap_or(u32::MAX);
            let locking = PoolUse { idle, used: size.saturating_sub(idle), max };
            metrics.set_pool("write", writer.usage() + locking);
            metrics.set_pool("read", batch_readers.usage() + readers.usage());
            metrics.set_pool("tail", tail.usage());
        });
        // Who was told before is told for ever.
        let _ = self.parts.listeners.metrics.set(metrics.clone());
        self
    }

    /// Waits for the connections in use, and closes all of them.
    pub async fn close(&self) {
        let Parts { locking, readers, tail, writer, batch_readers, .. } = &*self.parts;
        writer.close().await;
        locking.close().await;
        for connections in [batch_readers, readers, tail] {
            connections.close().await;
        }
    }

    /// Not older than the question. `known` is the order at some version: it is not read again if it is still at that one.
    pub(super) async fn read_order(
        &self,
        tenant: &TenantId,
        id: OrderId,
        known: Option<OrderState>,
    ) -> Result<Option<OrderState>, RepoError> {
        let version = known.as_ref().map(|known| known.version);
        match self.parts.order_reads.find(OrderName { tenant: tenant.clone(), id, known: version }).await? {
            FoundOrder::NotFound => Ok(None),
            FoundOrder::Unchanged => Ok(known),
            FoundOrder::State(state) => Ok(Some(state)),
        }
    }

    pub(super) async fn begin_locking(&self) -> Result<Transaction<'static, Postgres>, RepoError> {
        // When a BEGIN is dropped half-way, sqlx 0.9 can leave the session "idle in transaction": it runs where nobody can drop it.
        let pool = self.parts.locking.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        begun.map_err(|error| RepoError::Unavailable(error.into()))?.map_err(repo_error)
    }
}

impl UnitOfWork for PgStore {
    type Repo = PgOrderRepo;

    fn begin(&self, tenant: &TenantId) -> Uow<PgOrderRepo> {
        Uow::new(PgOrderRepo::new(self.clone(), tenant.clone()))
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").finish_non_exhaustive()
    }
}
