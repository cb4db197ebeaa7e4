use sqlx::{PgConnection, query};

use crate::{
    app::{Lease, RepoError},
    infra::postgres::{
        PgStore,
        connection::OwnTransaction,
        errors::{corrupt, repo_error},
    },
};

/// The name of the sink.
pub(super) const NAME: &str = "order_stats";

/// A lease is renewed three times a second, which is why a snapshot rarely needs a second attempt.
const MAX_ATTEMPTS: u32 = 20;

/// What a rebuild has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuiltStats {
    pub rows: u64,
    /// The figures hold up to this position.
    pub position: u64,
}

impl PgStore {
    /// Builds the figures anew, beside a running service. Whoever keeps them has to begin again behind this snapshot.
    pub async fn rebuild_order_stats(&self) -> Result<RebuiltStats, RepoError> {
        self.build_order_stats(None).await
    }

    /// From the orders as they are, in one snapshot. The head of the event log moves in the transactions that change the
    /// orders, so the snapshot has exactly the events up to the head. That also works when old events are retired.
    pub(super) async fn build_order_stats(&self, lease: Option<&Lease>) -> Result<RebuiltStats, RepoError> {
        let mut attempts = 0;
        loop {
            let mut transaction = OwnTransaction::begin(&self.parts.projections).await?;
            // It reads every order: no deadline of one statement fits.
            let (connection, _) = transaction.parts()?;
            match build(connection, lease).await {
                Ok(Some(rebuilt)) => {
                    transaction.commit().await?;
                    return Ok(rebuilt);
                }
                Ok(None) => return Err(RepoError::Conflict),
                // The lease was renewed, or figures changed, since the snapshot was taken.
                Err(RepoError::Conflict) if attempts < MAX_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// `None` if the lease is not the current one.
async fn build(connection: &mut PgConnection, lease: Option<&Lease>) -> Result<Option<RebuiltStats>, RepoError> {
    let run = async {
        query!("set transaction isolation level repeatable read").execute(&mut *connection).await?;
        query!("set local statement_timeout = 0").execute(&mut *connection).await?;
        let is_current = match lease {
            // Whoever has the lease is fenced from here on.
            None => {
                let fence = query!("update relay_leases set epoch = epoch + 1 where name = $1", NAME);
                fence.execute(&mut *connection).await?;
                true
            }
            Some(Lease { sink, instance, epoch, .. }) => {
                let current = query!(
                    "select epoch from relay_leases where name = $1 and holder = $2 and epoch = $3 for share",
                    sink,
                    instance,
                    epoch
                );
                current.fetch_optional(&mut *connection).await?.is_some()
            }
        };
        if !is_current {
            return Ok(None);
        }
        query!("delete from order_stats").execute(&mut *connection).await?;
        let inserted = query!(
            "insert into order_stats (tenant_id, quarter, status, currency, orders, units, amount)
            select tenant_id, to_timestamp(floor(extract(epoch from created_at) / 900) * 900), status, currency,
                count(*), sum(units_count), sum(total_amount)
            from orders
            group by 1, 2, 3, 4"
        );
        let rows = inserted.execute(&mut *connection).await?.rows_affected();
        let cursor = query!(
            "insert into sink_cursors (name, kind, position)
            select $1, 'read_model', position from event_head
            on conflict (name) do update
            set position = excluded.position, moved_at = now(), error = null, failed_at = null
            returning position",
            NAME
        );
        let position = cursor.fetch_one(&mut *connection).await?.position;
        Ok(Some((rows, position)))
    };
    // A batch that committed since the snapshot may have inserted the same rows.
    let outdated =
        |error: &sqlx::Error| error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    let built = run.await.map_err(|error| if outdated(&error) { RepoError::Conflict } else { repo_error(error) });
    let Some((rows, position)) = built? else { return Ok(None) };
    Ok(Some(RebuiltStats { rows, position: u64::try_from(position).map_err(corrupt)? }))
}
