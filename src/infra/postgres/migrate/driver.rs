//! Lets refinery use sqlx connections, so that the service needs no second PostgreSQL driver.

use refinery::Migration;
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::lock::MigrationLock;

/// A migration that begins with this line runs outside a transaction, statement by statement. `create index concurrently`
/// needs that.
const NO_TRANSACTION: &str = "-- migrate:no-transaction";

/// A connection that migrates, and the lock that allows it. Reading the history needs no lock.
pub(super) struct Driver<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) lock: Option<&'c mut MigrationLock>,
}

impl AsyncTransaction for Driver<'_> {
    type Error = sqlx::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, sqlx::Error> {
        if let Some(lock) = &mut self.lock {
            lock.check().await?;
        }
        let queries: Vec<&str> = queries.collect();
        if queries.first().is_some_and(|query| query.starts_with(NO_TRANSACTION)) {
            for query in &queries {
                sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *self.connection).await?;
            }
        } else {
            let mut transaction = self.connection.begin().await?;
            for query in &queries {
                sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        Ok(queries.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Driver<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *self.connection).await?;
        rows.iter().map(applied).collect()
    }
}

impl AsyncMigrate for Driver<'_> {}

/// One row of the history table of refinery: version, name, time and checksum.
fn applied(row: &sqlx::postgres::PgRow) -> Result<Migration, sqlx::Error> {
    let applied_on: String = row.try_get(2)?;
    let checksum: String = row.try_get(3)?;
    Ok(Migration::applied(
        row.try_get(0)?,
        row.try_get(1)?,
        OffsetDateTime::parse(&applied_on, &Rfc3339).map_err(|error| sqlx::Error::Decode(error.into()))?,
        checksum.parse().map_err(|error: std::num::ParseIntError| sqlx::Error::Decode(error.into()))?,
    ))
}
