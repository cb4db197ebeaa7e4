use std::time::Duration;

use futures_util::TryFutureExt;
use sqlx::{Connection, PgConnection, query, query_as};
use time::OffsetDateTime;

use crate::app::{CursorTarget, FirstPosition, Lease, MovedCursor, NewSink, RepoError, SinkCursors, SinkStatus};

use super::{
    PgStore,
    errors::{corrupt, repo_error},
};

impl SinkCursors for PgStore {
    async fn renew_leases(&self, instance: &str, sinks: &[NewSink]) -> Result<Vec<Lease>, RepoError> {
        let mut lease = self.parts.relay.take().await?;
        let (connection, mut time) = lease.parts();
        time.bound(register(connection, instance, sinks).map_err(repo_error)).await?;
        // A statement of its own, so that two instances that exchange sinks wait for each other's rows one at a time.
        time.bound(give_back(connection, instance).map_err(repo_error)).await?;
        let rows = time.bound(take(connection, instance).map_err(repo_error)).await?;
        lease.done();
        rows.into_iter().map(|row| row.into_lease(instance)).collect()
    }

    async fn release_leases(&self, instance: &str) -> Result<(), RepoError> {
        let mut lease = self.parts.relay.take().await?;
        let (connection, mut time) = lease.parts();
        let released = query!(
            "with gone as (delete from relay_members where instance = $1)
            update relay_leases set expires_at = '-infinity' where holder = $1",
            instance
        );
        time.bound(released.execute(connection).map_err(repo_error)).await?;
        lease.done();
        Ok(())
    }

    async fn advance(&self, lease: &Lease, position: Option<u64>, failure: Option<&str>) -> Result<bool, RepoError> {
        let mut connection_lease = self.parts.relay.take().await?;
        let (connection, mut time) = connection_lease.parts();
        // The lock keeps the epoch until the cursor is stored.
        let advanced = query!(
            "with lease as materialized (
                select name from relay_leases where name = $1 and holder = $2 and epoch = $3 for share
            )
            update sink_cursors c
            set position = coalesce($4, c.position), moved_at = case when $4 <> c.position then now() else c.moved_at end,
                error = $5, failed_at = case when $5::text is null then null else coalesce(c.failed_at, now()) end
            from lease
            where c.name = lease.name",
            lease.sink,
            lease.instance,
            lease.epoch,
            position.map(stored),
            failure,
        );
        let done = time.bound(advanced.execute(connection).map_err(repo_error)).await?;
        connection_lease.done();
        Ok(done.rows_affected() == 1)
    }

    async fn sinks(&self) -> Result<Vec<SinkStatus>, RepoError> {
        let mut lease = self.parts.relay.take().await?;
        let (connection, mut time) = lease.parts();
        let sinks = query_as!(
            StatusRow,
            r#"select c.name, c.kind, c.position, h.position as head, c.paused, c.error, c.failed_at, l.holder as "holder?",
                -- A subquery, which PostgreSQL plans for the primary key. It would scan the event log for a join.
                coalesce((
                    select extract(epoch from greatest(now() - e.occurred_at, interval '0')) from order_events e
                    where e.position = c.position + 1
                ), 0)::float8 as "lag!"
            from sink_cursors c
            cross join event_head h
            left join relay_leases l on l.name = c.name and l.expires_at > now()
            order by c.name"#
        );
        let rows = time.bound(sinks.fetch_all(connection).map_err(repo_error)).await?;
        lease.done();
        rows.into_iter().map(StatusRow::into_status).collect()
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<bool, RepoError> {
        let mut lease = self.parts.relay.take().await?;
        let (connection, mut time) = lease.parts();
        let set = query!("update sink_cursors set paused = $2 where name = $1", name, paused);
        let done = time.bound(set.execute(connection).map_err(repo_error)).await?;
        lease.done();
        Ok(done.rows_affected() == 1)
    }

    async fn move_cursor(&self, name: &str, to: CursorTarget) -> Result<MovedCursor, RepoError> {
        let mut lease = self.parts.relay.take().await?;
        let (connection, mut time) = lease.parts();
        let position = match to {
            CursorTarget::Position(position) => position,
            CursorTarget::Time(at) => time.bound(position_before(connection, at)).await?,
        };
        let moved = time.bound(move_to(connection, name, position)).await?;
        lease.done();
        Ok(moved)
    }
}

/// Registers the instance, and gives each new sink a cursor.
async fn register(connection: &mut PgConnection, instance: &str, sinks: &[NewSink]) -> sqlx::Result<()> {
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name).collect();
    let kinds: Vec<&str> = sinks.iter().map(|sink| sink.kind.as_str()).collect();
    let first = |begins| match begins {
        FirstPosition::Start => "start",
        FirstPosition::End => "end",
        FirstPosition::Snapshot => "snapshot",
    };
    let firsts: Vec<&str> = sinks.iter().map(|sink| first(sink.begins)).collect();
    query!(
        "with gone as (delete from relay_members where expires_at < now() - interval '1 minute'), new as (
            insert into sink_cursors (name, kind, position)
            select s.name, s.kind, case s.first when 'start' then h.retired_to when 'end' then h.position else 0 end
            from (select unnest($2::text[]) as name, unnest($3::text[]) as first, unnest($5::text[]) as kind) as s
            cross join event_head h
            where not exists (select from sink_cursors c where c.name = s.name)
            on conflict (name) do nothing
        )
        insert into relay_members (instance, sinks, expires_at)
        values ($1, $2, now() + make_interval(secs => $4))
        on conflict (instance) do update set sinks = excluded.sinks, expires_at = excluded.expires_at",
        instance,
        &names as &[&str],
        &firsts as &[&str],
        PgStore::LEASE_LASTS.as_secs_f64(),
        &kinds as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives back the leases that another instance should have.
async fn give_back(connection: &mut PgConnection, instance: &str) -> sqlx::Result<()> {
    query!(
        "update relay_leases l set expires_at = '-infinity'
        from relay_assignments a
        where l.holder = $1 and l.expires_at > now() and a.name = l.name and a.instance <> $1",
        instance
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Renews and takes the leases that this instance should have, unless another one still has them.
async fn take(connection: &mut PgConnection, instance: &str) -> sqlx::Result<Vec<LeaseRow>> {
    query_as!(
        LeaseRow,
        "with held as (
            insert into relay_leases as l (name, holder, epoch, expires_at)
            select name, instance, 1, now() + make_interval(secs => $2)
            from relay_assignments
            where instance = $1
            order by name
            on conflict (name) do update
            set holder = $1, epoch = l.epoch + (l.holder <> $1)::int, expires_at = excluded.expires_at
            where l.holder = $1 or l.expires_at <= now()
            returning l.name, l.epoch
        )
        select h.name, h.epoch, c.position, c.paused from held h join sink_cursors c on c.name = h.name",
        instance,
        PgStore::LEASE_LASTS.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
}

async fn move_to(connection: &mut PgConnection, name: &str, position: u64) -> Result<MovedCursor, RepoError> {
    let mut transaction = connection.begin().await.map_err(repo_error)?;
    let moved = query!(
        r#"with log as (select retired_to, position from event_head), fenced as (
            update relay_leases set epoch = epoch + 1 where name = $1 and exists (
                select from log where $2 between retired_to and position or $2 = 0
            )
            returning name
        )
        select l.retired_to + 1 as "first!", l.position as last,
            (select kind = 'read_model' from sink_cursors where name = $1) as is_read_model
        from log l"#,
        name,
        stored(position),
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(repo_error)?;
    let (first, last) = (number(moved.first)?, number(moved.last)?);
    if moved.is_read_model == Some(true) && position > 0 {
        return Ok(MovedCursor::ReadModel);
    }
    let first = if moved.is_read_model == Some(true) { 1 } else { first };
    if position + 1 < first || position > last {
        return Ok(MovedCursor::OutOfRange { position, first, last });
    }
    let done = query!(
        "update sink_cursors set position = $2, moved_at = now(), error = null, failed_at = null where name = $1",
        name,
        stored(position),
    )
    .execute(&mut *transaction)
    .await
    .map_err(repo_error)?;
    transaction.commit().await.map_err(repo_error)?;
    Ok(if done.rows_affected() == 1 { MovedCursor::To(position) } else { MovedCursor::NoSuchSink })
}

/// The events are nearly in the order of their times: the clocks of instances may differ a little. So this halves the event
/// log, and then looks a little further back.
async fn position_before(connection: &mut PgConnection, at: OffsetDateTime) -> Result<u64, RepoError> {
    let found = query!(
        r#"with recursive halves as (
            select retired_to as low, position as high from event_head
            union all
            -- A subquery, which PostgreSQL plans for the primary key.
            select case when m.occurred_at < $1 then m.middle else m.low end,
                case when m.occurred_at < $1 then m.high else m.middle - 1 end
            from (
                select h.low, h.high, h.low + (h.high - h.low + 1) / 2 as middle, (
                    select e.occurred_at from order_events e where e.position = h.low + (h.high - h.low + 1) / 2
                ) as occurred_at
                from halves h
                where h.low < h.high
            ) as m
        ), found as (
            select low from halves order by high - low limit 1
        )
        select coalesce(
            (
                select min(e.position) - 1 from order_events e
                where e.position > f.low - 10000 and e.position <= f.low and e.occurred_at >= $1
            ),
            f.low
        ) as "position!"
        from found f"#,
        at,
    )
    .fetch_one(connection)
    .await
    .map_err(repo_error)?;
    number(found.position)
}

struct LeaseRow {
    name: String,
    epoch: i64,
    position: i64,
    paused: bool,
}

impl LeaseRow {
    fn into_lease(self, instance: &str) -> Result<Lease, RepoError> {
        let Self { name, epoch, position, paused } = self;
        let position = number(position)?;
        Ok(Lease { sink: name, instance: instance.to_owned(), epoch, position, is_paused: paused })
    }
}

struct StatusRow {
    name: String,
    kind: String,
    position: i64,
    head: i64,
    paused: bool,
    error: Option<String>,
    failed_at: Option<OffsetDateTime>,
    holder: Option<String>,
    lag: f64,
}

impl StatusRow {
    fn into_status(self) -> Result<SinkStatus, RepoError> {
        Ok(SinkStatus {
            position: number(self.position)?,
            head: number(self.head)?,
            is_paused: self.paused,
            lag: Duration::try_from_secs_f64(self.lag).map_err(corrupt)?,
            failure: self.error.zip(self.failed_at),
            holder: self.holder,
            name: self.name,
            kind: self.kind,
        })
    }
}

fn number(stored: i64) -> Result<u64, RepoError> {
    u64::try_from(stored).map_err(corrupt)
}

/// A position that the column cannot hold is higher than every stored one.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
