use std::{fmt, sync::Arc};

use sqlx::postgres::PgConnectOptions;

use crate::{
    app::RepoError,
    domain::{OrderId, OrderState, TenantId},
    infra::observability::Metrics,
};

use super::{
    batched_reads::{ApiKeyRead, BatchedReads, FoundOrder, KeyRead, OrderName, OrderRead},
    connection::{Connections, OwnTransaction, PoolSettings, by_key},
    group_commit::{self, GroupCommit, OrderLocks},
    listeners::Listeners,
    readiness::Readiness,
    row_tenant::tenant_mismatches,
    rows::ReadOrder,
};

/// Orders in PostgreSQL.
#[derive(Clone)]
pub struct PgStore {
    /// Shared by all units of work.
    pub(super) parts: Arc<Parts>,
}

pub(super) struct Parts {
    pub(super) group_commit: GroupCommit,
    pub(super) order_locks: OrderLocks,
    /// For units of work that lock an order in a transaction of their own.
    pub(super) locking: Connections,
    pub(super) order_reads: BatchedReads<OrderRead>,
    pub(super) key_reads: BatchedReads<KeyRead>,
    pub(super) api_key_reads: BatchedReads<ApiKeyRead>,
    /// For all other queries.
    pub(super) readers: Connections,
    /// For the follower of the event log, which all streams depend on.
    pub(super) tail: Connections,
    /// For readers of the whole event log, such as a sink that is far behind: no query of a tenant waits for them.
    pub(super) whole_log: Connections,
    /// For the cursors and the leases of the sinks.
    pub(super) relay: Connections,
    /// For the read models.
    pub(super) projections: Connections,
    pub(super) readiness: Readiness,
    pub(super) listeners: Listeners,
    /// For the group commit.
    writer: Connections,
    /// For the batched reads.
    batch_readers: Connections,
}

impl PgStore {
    /// Half of the connections are for queries; up to two of those are for batched reads. Of the other half, one is for the
    /// group commit and the rest are for transactions that lock an order. Five more follow the event log, read it for
    /// sinks that are behind, store the cursors of the sinks, keep the read models, and check the readiness. Every kind has at least one.
    ///
    /// Spawns the tasks of the group commit and the batched reads on the current runtime. The runtime must outlive the
    /// store, and nothing may block its threads: every write of the process waits for these tasks.
    pub fn new(options: &PgConnectOptions, settings: PoolSettings) -> Self {
        let kept = |options, max_connections: u32| {
            Connections::new(options, PoolSettings { max_connections: max_connections.max(1), ..settings })
        };
        let for_queries = settings.max_connections / 2;
        // Orders and keys: each runs one statement at a time.
        let for_batches = (for_queries / 2).min(2);
        let by_key = by_key(options.clone());
        let (writer, batch_readers) = (kept(by_key.clone(), 1), kept(by_key.clone(), for_batches));
        let listeners = Listeners::default();
        let parts = Parts {
            group_commit: group_commit::start(writer.clone(), listeners.clone()),
            order_locks: OrderLocks::default(),
            locking: kept(by_key, settings.max_connections.saturating_sub(for_queries + 1)),
            order_reads: BatchedReads::new(batch_readers.clone()),
            key_reads: BatchedReads::new(batch_readers.clone()),
            api_key_reads: BatchedReads::new(batch_readers.clone()),
            // Each statement is written for one index, whatever its parameters are: one plan serves them all.
            readers: kept(
                options.clone().options([("plan_cache_mode", "force_generic_plan")]),
                for_queries.saturating_sub(for_batches),
            ),
            tail: kept(options.clone(), 1),
            whole_log: kept(options.clone(), 1),
            // A cursor that a crash of the database forgets is behind, which repeats events and loses none.
            relay: kept(options.clone().options([("synchronous_commit", "off")]), 1),
            projections: kept(options.clone().options([("synchronous_commit", "off")]), 1),
            readiness: Readiness::new(options.clone(), settings),
            listeners,
            writer,
            batch_readers,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Counts the commits, and shows how many connections are in use.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let Parts { locking, readers, tail, whole_log, relay, projections, writer, batch_readers, .. } = &*self.parts;
        let (locking, readers, tail) = (locking.clone(), readers.clone(), tail.clone());
        let (whole_log, relay, projections) = (whole_log.clone(), relay.clone(), projections.clone());
        let (writer, batch_readers) = (writer.clone(), batch_readers.clone());
        metrics.before_rendering(move |metrics| {
            metrics.set_pool("write", writer.usage() + locking.usage());
            metrics.set_pool("read", batch_readers.usage() + readers.usage());
            metrics.set_pool("tail", tail.usage());
            metrics.set_pool("relay", whole_log.usage() + relay.usage() + projections.usage());
            metrics.set_tenant_mismatches(tenant_mismatches());
        });
        self.parts.listeners.report_to(metrics);
        self
    }

    /// Waits for the connections that are in use, and closes all connections.
    pub async fn close(&self) {
        let Parts { locking, readers, tail, whole_log, relay, projections, readiness, writer, batch_readers, .. } =
            &*self.parts;
        for connections in [writer, locking, batch_readers, readers, tail, whole_log, relay, projections] {
            connections.close().await;
        }
        readiness.close().await;
    }

    /// The order as it is now, never older than this call. `known` is the order at some version: if that is still the
    /// current one, its lines are not read again.
    pub(super) async fn read_order(
        &self,
        tenant: &TenantId,
        id: OrderId,
        known: Option<OrderState>,
    ) -> Result<Option<ReadOrder>, RepoError> {
        let version = known.as_ref().map(|known| known.version);
        match self.parts.order_reads.find(OrderName { tenant: tenant.clone(), id, known: version }).await? {
            FoundOrder::NotFound => Ok(None),
            FoundOrder::Unchanged => Ok(known.map(ReadOrder::State)),
            FoundOrder::Order(order) => Ok(Some(order)),
        }
    }

    pub(super) async fn begin_locking(&self) -> Result<OwnTransaction, RepoError> {
        OwnTransaction::begin(&self.parts.locking).await
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").finish_non_exhaustive()
    }
}
