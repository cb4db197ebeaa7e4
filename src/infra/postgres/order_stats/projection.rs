use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::TryFutureExt;
use rust_decimal::Decimal;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::{EventSink, FirstPosition, Lease, LoggedEvent, RepoError, SinkConnection, SinkError, SinkKind, SinkOutcome},
    domain::{OrderId, TenantId},
    infra::postgres::{
        PgStore,
        connection::OwnTransaction,
        errors::{corrupt, repo_error},
        rows::LoggedEventRow,
    },
};

use super::{
    changes::{ChangedOrders, FoldError},
    snapshot::NAME,
};

/// The sink that keeps the read model `order_stats`. Its cursor moves in the transaction that changes the figures, so each
/// event counts exactly once.
#[derive(Debug)]
pub struct OrderStatsProjection {
    store: PgStore,
    /// When events could not be followed, and the figures were built anew.
    rebuilt: Arc<Mutex<Option<Instant>>>,
}

/// How often events that cannot be followed may have the figures built anew.
const REBUILD_EVERY: Duration = Duration::from_mins(1);

impl OrderStatsProjection {
    pub fn new(store: PgStore) -> Self {
        Self { store, rebuilt: Arc::default() }
    }
}

impl EventSink for OrderStatsProjection {
    type Connection = Projecting;

    const KEEPS_ORDER: bool = true;
    const KIND: SinkKind = SinkKind::ReadModel;
    const BEGINS: FirstPosition = FirstPosition::Snapshot;
    // A transaction for each commit of an order would cost the database half as much as the commit.
    const LINGER: Duration = Duration::from_millis(200);
    // The first one may read every order.
    const CONNECT_TIMEOUT: Duration = Duration::from_mins(30);

    fn name(&self) -> &'static str {
        NAME
    }

    async fn connect(&self, lease: &Lease) -> Result<Projecting, SinkError> {
        let cursor = match cursor(&self.store).await.map_err(SinkError::new)? {
            0 => self.store.build_order_stats(Some(lease)).await.map_err(cannot_build)?.position,
            cursor => cursor,
        };
        let (store, lease, rebuilt) = (self.store.clone(), lease.clone(), self.rebuilt.clone());
        Ok(Projecting { store, lease, rebuilt, cursor, outcomes: Vec::new() })
    }
}

fn cannot_build(error: RepoError) -> SinkError {
    match error {
        RepoError::Conflict => SinkError::new("another instance works the sink"),
        error => SinkError::new(error),
    }
}

async fn cursor(store: &PgStore) -> Result<u64, RepoError> {
    let mut lease = store.parts.projections.take().await?;
    let (connection, mut time) = lease.parts();
    let cursor = query!("select position from sink_cursors where name = $1", NAME);
    let found = time.bound(cursor.fetch_one(connection).map_err(repo_error)).await?;
    lease.done();
    u64::try_from(found.position).map_err(corrupt)
}

#[derive(Debug)]
pub struct Projecting {
    store: PgStore,
    lease: Lease,
    rebuilt: Arc<Mutex<Option<Instant>>>,
    cursor: u64,
    outcomes: Vec<SinkOutcome>,
}

impl SinkConnection for Projecting {
    fn cursor(&self) -> Option<u64> {
        Some(self.cursor)
    }

    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        let Some(last) = events.last() else { return Ok(()) };
        match self.project(events).await {
            Ok(()) => {}
            Err(ProjectError::Fold(error)) => return Err(self.rebuild(&error).await),
            Err(ProjectError::Store(error)) => return Err(SinkError::new(error)),
            Err(error @ ProjectError::Fenced) => return Err(SinkError::new(error)),
        }
        self.cursor = last.numbers.position;
        let outcome = |event: &Arc<LoggedEvent>| SinkOutcome { position: event.numbers.position, result: Ok(()) };
        self.outcomes.extend(events.iter().map(outcome));
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        if self.outcomes.is_empty() {
            return pending().await;
        }
        Ok(std::mem::take(&mut self.outcomes))
    }
}

#[derive(Debug, thiserror::Error)]
enum ProjectError {
    #[error("another instance works the sink, or its cursor was moved")]
    Fenced,
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl Projecting {
    /// The figures and the cursor change together, or not at all.
    async fn project(&self, events: &[Arc<LoggedEvent>]) -> Result<(), ProjectError> {
        let mut transaction = OwnTransaction::begin(&self.store.parts.projections).await?;
        let (connection, mut time) = transaction.parts()?;
        let cursor = time.bound(lock_cursor(connection, &self.lease).map_err(repo_error)).await?;
        if cursor.and_then(|cursor| u64::try_from(cursor).ok()) != Some(self.cursor) {
            return Err(ProjectError::Fenced);
        }
        let mut orders = ChangedOrders::default();
        let to_read = ChangedOrders::to_read(events.iter().map(AsRef::as_ref));
        if !to_read.is_empty() {
            for row in time.bound(earlier_events(connection, &to_read)).await? {
                orders.before(&row.into_logged(None)?)?;
            }
        }
        events.iter().try_for_each(|event| orders.apply(event))?;
        let until = events.last().map_or(self.cursor, |event| event.numbers.position);
        time.bound(store(connection, orders, until).map_err(repo_error)).await?;
        Ok(transaction.commit().await?)
    }

    /// The figures of a snapshot need no old events.
    async fn rebuild(&self, error: &FoldError) -> SinkError {
        let now = Instant::now();
        let last = self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if let Some(last) = last.filter(|last| last.elapsed() < REBUILD_EVERY) {
            *self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
            return SinkError::new(format!("{error}; the figures are built anew within a minute"));
        }
        log::warn!("the figures of orders are built anew: {error}");
        match self.store.build_order_stats(Some(&self.lease)).await {
            Ok(rebuilt) => SinkError::new(format!("{error}; the figures were built anew up to {}", rebuilt.position)),
            Err(failed) => cannot_build(failed),
        }
    }
}

/// The cursor, if the lease is the current one. Both stay as they are until the transaction ends.
async fn lock_cursor(connection: &mut PgConnection, lease: &Lease) -> sqlx::Result<Option<i64>> {
    let locked = query!(
        "select c.position
        from relay_leases l
        join sink_cursors c on c.name = l.name
        where l.name = $1 and l.holder = $2 and l.epoch = $3
        for share of l
        for no key update of c",
        lease.sink,
        lease.instance,
        lease.epoch,
    );
    Ok(locked.fetch_optional(connection).await?.map(|locked| locked.position))
}

/// The events of each order before this version, by order and version.
async fn earlier_events(
    connection: &mut PgConnection,
    orders: &BTreeMap<(TenantId, OrderId), u32>,
) -> Result<Vec<LoggedEventRow>, RepoError> {
    let tenants: Vec<&str> = orders.keys().map(|(tenant, _)| tenant.as_str()).collect();
    let ids: Vec<Uuid> = orders.keys().map(|(_, id)| id.as_uuid()).collect();
    let versions: Vec<i32> =
        orders.values().map(|version| i32::try_from(*version)).collect::<Result<_, _>>().map_err(corrupt)?;
    query_as!(
        LoggedEventRow,
        r#"select e.position, coalesce(e.sequence, e.position) as "sequence!", e.tenant_id, e.event_id, e.order_id,
            e.version, e.type as event_type, e.payload::text as "payload!", e.occurred_at, e.authtype, e.authid, e.traceparent
        from (
            select unnest($1::text[]) as tenant_id, unnest($2::uuid[]) as order_id, unnest($3::int[]) as version
        ) as o
        join order_events e on e.order_id = o.order_id and e.tenant_id = o.tenant_id and e.version < o.version
        order by e.tenant_id, e.order_id, e.version"#,
        &tenants as &[&str],
        &ids,
        &versions,
    )
    .fetch_all(connection)
    .await
    .map_err(repo_error)
}

/// Adds the changes to the rows, and moves the cursor.
async fn store(connection: &mut PgConnection, orders: ChangedOrders, until: u64) -> sqlx::Result<()> {
    let rows = orders.into_rows();
    let tenants: Vec<&str> = rows.keys().map(|key| key.0.as_str()).collect();
    let quarters: Vec<OffsetDateTime> = rows.keys().map(|key| key.1).collect();
    let statuses: Vec<&str> = rows.keys().map(|key| key.2).collect();
    let currencies: Vec<&str> = rows.keys().map(|key| key.3).collect();
    let counts: Vec<i64> = rows.values().map(|change| change.orders).collect();
    let units: Vec<i64> = rows.values().map(|change| change.units).collect();
    let amounts: Vec<Decimal> = rows.values().map(|change| change.amount).collect();
    query!(
        "with changed as (
            insert into order_stats as s (tenant_id, quarter, status, currency, orders, units, amount)
            select unnest($1::text[]), unnest($2::timestamptz[]), unnest($3::text[]), unnest($4::text[]),
                unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::numeric[])
            on conflict (tenant_id, quarter, status, currency) do update
            set orders = s.orders + excluded.orders, units = s.units + excluded.units, amount = s.amount + excluded.amount
        )
        update sink_cursors set position = $9, moved_at = now(), error = null, failed_at = null where name = $8",
        &tenants as &[&str],
        &quarters,
        &statuses as &[&str],
        &currencies as &[&str],
        &counts,
        &units,
        &amounts,
        NAME,
        i64::try_from(until).unwrap_or(i64::MAX),
    )
    .execute(connection)
    .await?;
    Ok(())
}
