use std::time::Duration;

use sqlx::{query, query_as};

use crate::{
    app::{EventFilter, EventLog, LogBounds, LoggedEvent, RepoError},
    domain::{OrderId, TenantId},
};

use super::{
    PgStore,
    errors::{corrupt, repo_error},
    rows::{LogRow, number_to_store},
};

/// How often the log is looked at for what other instances wrote.
const POLL: Duration = Duration::from_millis(100);

/// Events of the log. A statement for each way to find them: each is planned for the index that serves it.
macro_rules! events {
    ($condition:literal, $($argument:expr),+ $(,)?) => {
        query_as!(
            LogRow,
            r#"select position, tenant_id, event_id, order_id, version, type as event_type, payload::text as "payload!", occurred_at
            from order_events
            where "# + $condition,
            $($argument),+
        )
    };
}

impl EventLog for PgStore {
    async fn log_bounds(&self) -> Result<LogBounds, RepoError> {
        let mut reader = self.readers.take().await?;
        let row = query!(
            r#"select (select min(position) from order_events) as first, (select position from event_head) as "last!""#
        )
        .fetch_one(&mut *reader)
        .await
        .map_err(repo_error)?;
        reader.done();
        let last = u64::try_from(row.last).map_err(corrupt)?;
        let first = row.first.map_or(Ok(last + 1), u64::try_from).map_err(corrupt)?;
        Ok(LogBounds { first, last })
    }

    async fn events(
        &self,
        filter: &EventFilter,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, RepoError> {
        let EventFilter { tenant, order_id, types } = filter;
        let tenant = tenant.as_ref().map(TenantId::as_str);
        let types = (!types.is_empty()).then_some(types.as_slice());
        // Positions that no log gets to are behind its end.
        let (after, until) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(until).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut reader = self.readers.take().await?;
        let rows = match (tenant, order_id) {
            (None, None) if types.is_none() => {
                events!("position > $1 and position <= $2 order by position limit $3", after, until, limit)
                    .fetch_all(&mut *reader)
                    .await
            }
            (Some(tenant), Some(order_id)) => {
                events!(
                    "tenant_id = $1 and order_id = $2 and position > $3 and position <= $4
                        and ($5::text[] is null or type = any($5))
                    order by version
                    limit $6",
                    tenant,
                    order_id.as_uuid(),
                    after,
                    until,
                    types as Option<&[&str]>,
                    limit,
                )
                .fetch_all(&mut *reader)
                .await
            }
            (tenant, order_id) => {
                events!(
                    "position > $1 and position <= $2 and ($3::text is null or tenant_id = $3)
                        and ($4::uuid is null or order_id = $4) and ($5::text[] is null or type = any($5))
                    order by position
                    limit $6",
                    after,
                    until,
                    tenant,
                    order_id.map(OrderId::as_uuid),
                    types as Option<&[&str]>,
                    limit,
                )
                .fetch_all(&mut *reader)
                .await
            }
        };
        let rows = rows.map_err(repo_error)?;
        reader.done();
        rows.into_iter().map(LoggedEvent::try_from).collect()
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: OrderId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, RepoError> {
        let mut reader = self.readers.take().await?;
        let rows = events!(
            "tenant_id = $1 and order_id = $2 and version > $3 order by version limit $4",
            tenant.as_str(),
            id.as_uuid(),
            number_to_store(after)?,
            i64::try_from(limit).unwrap_or(i64::MAX),
        )
        .fetch_all(&mut *reader)
        .await
        .map_err(repo_error)?;
        reader.done();
        rows.into_iter().map(LoggedEvent::try_from).collect()
    }

    async fn news(&self) {
        // Whether woken or not, the log is looked at next.
        let _ = tokio::time::timeout(POLL, self.committed.notified()).await;
    }
}
