use std::time::Duration;

use futures_util::TryFutureExt;
use sqlx::query_as;

use crate::{
    app::{EventFilter, EventLog, EventLogBounds, EventLogSlice, LoggedEvent, RepoError},
    domain::{OrderId, TenantId},
};

use super::{
    PgStore,
    errors::{corrupt, repo_error},
    rows::{LoggedEventRow, SliceRow, number_to_store},
};

/// How often this instance looks for the events of other instances.
const POLL: Duration = Duration::from_millis(100);

/// A part of the event log by position, with its bounds. One statement reads both, so no event is retired in between. A slice
/// without events has one row, with a null position. Each condition has a statement of its own, which PostgreSQL plans for one
/// index.
macro_rules! slice_of_all {
    ($condition:literal, $($argument:expr),+ $(,)?) => {
        query_as!(
            SliceRow,
            r#"with bounds as (select retired_to + 1 as first, position as last from event_head)
            select b.first as "first!", b.last as "last!", e.position as "position?",
                coalesce(e.sequence, e.position) as sequence, e.tenant_id as "tenant_id?", e.event_id as "event_id?",
                e.order_id as "order_id?", e.version as "version?", e.type as "event_type?", e.payload::text as payload,
                e.occurred_at as "occurred_at?", e.authtype, e.authid, e.traceparent
            from bounds b
            left join lateral (
                select * from order_events
                where position > $1 and position <= least($2, b.last) "# + $condition + r#"
                limit $3
            ) e on true
            order by e.position"#,
            $($argument),+
        )
    };
}

/// The same for the part of one tenant, by sequence. Events from before sequences have a null, which means their position.
macro_rules! slice_of_tenant {
    ($condition:literal, $($argument:expr),+ $(,)?) => {
        query_as!(
            SliceRow,
            r#"with head as (
                select coalesce((select sequence from tenant_heads where tenant_id = $4), 0) as last from event_head
            ), bounds as (
                select last, coalesce((
                    select coalesce(sequence, position) from order_events
                    where tenant_id = $4 order by coalesce(sequence, position) limit 1
                ), last + 1) as first
                from head
            )
            select b.first as "first!", b.last as "last!", e.position as "position?",
                coalesce(e.sequence, e.position) as sequence, e.tenant_id as "tenant_id?", e.event_id as "event_id?",
                e.order_id as "order_id?", e.version as "version?", e.type as "event_type?", e.payload::text as payload,
                e.occurred_at as "occurred_at?", e.authtype, e.authid, e.traceparent
            from bounds b
            left join lateral (
                select * from order_events
                where tenant_id = $4 and coalesce(sequence, position) > $1
                    and coalesce(sequence, position) <= least($2, b.last) "# + $condition + r#"
                limit $3
            ) e on true
            order by coalesce(e.sequence, e.position)"#,
            $($argument),+
        )
    };
}

impl EventLog for PgStore {
    async fn bounds(&self, tenant: Option<&TenantId>) -> Result<EventLogBounds, RepoError> {
        let filter = EventFilter { tenant: tenant.cloned(), ..EventFilter::default() };
        // Without events.
        Ok(self.slice(&filter, 0, 0, 0).await?.bounds)
    }

    async fn slice(
        &self,
        filter: &EventFilter,
        after: u64,
        span: u64,
        limit: usize,
    ) -> Result<EventLogSlice, RepoError> {
        let EventFilter { tenant, order_id, types } = filter;
        let types = (!types.is_empty()).then_some(types.as_slice());
        let (from, to, at_most) = (stored(after), stored(after.saturating_add(span)), stored(limit as u64));
        let readers = if tenant.is_some() { &self.parts.readers } else { &self.parts.whole_log };
        let mut lease = readers.take().await?;
        let (connection, mut time) = lease.parts();
        let slice = async {
            match (tenant.as_ref().map(TenantId::as_str), order_id) {
                (Some(tenant), Some(order_id)) => {
                    slice_of_tenant!(
                        "and order_id = $5 and ($6::text[] is null or type = any($6)) order by version",
                        from,
                        to,
                        at_most,
                        tenant,
                        order_id.as_uuid(),
                        types as Option<&[&str]>,
                    )
                    .fetch_all(connection)
                    .await
                }
                (Some(tenant), None) => {
                    slice_of_tenant!(
                        "and ($5::text[] is null or type = any($5)) order by coalesce(sequence, position)",
                        from,
                        to,
                        at_most,
                        tenant,
                        types as Option<&[&str]>,
                    )
                    .fetch_all(connection)
                    .await
                }
                (None, order_id) => {
                    slice_of_all!(
                        "and ($4::uuid is null or order_id = $4) and ($5::text[] is null or type = any($5))
                        order by position",
                        from,
                        to,
                        at_most,
                        order_id.map(OrderId::as_uuid),
                        types as Option<&[&str]>,
                    )
                    .fetch_all(connection)
                    .await
                }
            }
        };
        let rows = time.bound(slice.map_err(repo_error)).await?;
        lease.done();
        log_slice(rows, after, span, limit, filter)
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<EventLogSlice, RepoError> {
        if let Some(slice) = self.parts.listeners.recent.take(after, limit) {
            return Ok(slice);
        }
        let mut lease = self.parts.tail.take().await?;
        let (connection, mut time) = lease.parts();
        let slice = slice_of_all!("order by position", stored(after), i64::MAX, stored(limit as u64));
        let rows = time.bound(slice.fetch_all(connection).map_err(repo_error)).await?;
        lease.done();
        let slice = log_slice(rows, after, u64::MAX, limit, &EventFilter::default())?;
        self.parts.listeners.recent.set_bounds(slice.bounds);
        Ok(slice)
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: OrderId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, RepoError> {
        let mut lease = self.parts.readers.take().await?;
        let (connection, mut time) = lease.parts();
        let events = query_as!(
            LoggedEventRow,
            r#"select position, coalesce(sequence, position) as "sequence!", tenant_id, event_id, order_id, version,
                type as event_type, payload::text as "payload!", occurred_at, authtype, authid, traceparent
            from order_events
            where tenant_id = $1 and order_id = $2 and version > $3
            order by version
            limit $4"#,
            tenant.as_str(),
            id.as_uuid(),
            number_to_store(after)?,
            stored(limit as u64),
        );
        let rows = time.bound(events.fetch_all(connection).map_err(repo_error)).await?;
        lease.done();
        rows.into_iter().map(|row| row.into_logged(Some(tenant))).collect()
    }

    async fn news(&self) {
        // The caller reads the event log next, woken or not.
        let _ = tokio::time::timeout(POLL, self.parts.listeners.news.notified()).await;
    }
}

fn log_slice(
    rows: Vec<SliceRow>,
    after: u64,
    span: u64,
    limit: usize,
    filter: &EventFilter,
) -> Result<EventLogSlice, RepoError> {
    let Some(head) = rows.first() else { return Err(no_head()) };
    let bounds = bounds(head.first, head.last)?;
    let until = after.saturating_add(span).min(bounds.last).max(after);
    let events: Vec<LoggedEvent> = rows
        .into_iter()
        .filter_map(|row| row.into_logged(filter.tenant.as_ref()).transpose())
        .collect::<Result<_, _>>()?;
    Ok(EventLogSlice::new(bounds, events, limit, until, filter))
}

/// A restore has not filled the table yet.
fn no_head() -> RepoError {
    RepoError::Unavailable("event_head has no row".into())
}

fn bounds(first: i64, last: i64) -> Result<EventLogBounds, RepoError> {
    Ok(EventLogBounds { first: u64::try_from(first).map_err(corrupt)?, last: u64::try_from(last).map_err(corrupt)? })
}

/// A position that the column cannot hold is higher than every stored one.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
