use std::{sync::LazyLock, time::Duration};

use refinery::{Migration, Runner};
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, postgres::PgConnectOptions, query_scalar};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the newest migration that this release knows.
pub(super) static SCHEMA_VERSION: LazyLock<i32> =
    LazyLock::new(|| embedded::migrations::runner().get_migrations().iter().map(Migration::version).max().unwrap_or(0));

/// The number of the advisory lock of the migrations: "orders" in ASCII.
const LOCK: i64 = 0x006f_7264_6572_7300;
const LOCK_POLL: Duration = Duration::from_millis(50);

/// A migration that begins with this line runs outside a transaction, statement by statement. `create index concurrently`
/// needs that.
const NO_TRANSACTION: &str = "-- migrate:no-transaction";

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("no connection to the database")]
    Connect(#[source] sqlx::Error),
    #[error("the migration failed")]
    Migrate(#[source] refinery::Error),
}

impl MigrateError {
    /// Another attempt may succeed soon.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(error) => match error {
                // The server starts, stops, or has no free connection.
                sqlx::Error::Database(error) => {
                    error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("53"))
                }
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
                _ => false,
            },
            Self::Migrate(_) => false,
        }
    }
}

/// Migrates the schema to this release, and returns the versions that it applied. Several instances may call it at once.
///
/// It does not change a schema that is newer: the old release keeps working while the new one rolls out.
pub async fn migrate(options: &PgConnectOptions) -> Result<Vec<i32>, MigrateError> {
    // A connection of its own: the lock ends with it, even in a crash. A migration may take longer than a request may.
    let options = options.clone().options([("statement_timeout", "0"), ("lock_timeout", "0")]);
    let mut connection: PgConnection = options.connect().await.map_err(MigrateError::Connect)?;
    lock(&mut connection).await.map_err(MigrateError::Connect)?;
    let runner: Runner = embedded::migrations::runner().set_abort_missing(false);
    let report = runner.run_async(&mut SqlxPg(&mut connection)).await.map_err(MigrateError::Migrate)?;
    connection.close().await.map_err(MigrateError::Connect)?;
    Ok(report.applied_migrations().iter().map(Migration::version).collect())
}

/// Polls. A session that waits in `pg_advisory_lock` holds a snapshot, and `create index concurrently` would wait for it.
async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    let take = || query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, LOCK);
    while !take().fetch_one(&mut *connection).await? {
        tokio::time::sleep(LOCK_POLL).await;
    }
    Ok(())
}

/// Lets refinery use a sqlx connection, so that the service needs no second PostgreSQL driver.
struct SqlxPg<'c>(&'c mut PgConnection);

impl AsyncTransaction for SqlxPg<'_> {
    type Error = sqlx::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, sqlx::Error> {
        let queries: Vec<&str> = queries.collect();
        if queries.first().is_some_and(|query| query.starts_with(NO_TRANSACTION)) {
            for query in &queries {
                sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *self.0).await?;
            }
        } else {
            let mut transaction = self.0.begin().await?;
            for query in &queries {
                sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        Ok(queries.len())
    }
}

impl AsyncQuery<Vec<Migration>> for SqlxPg<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *self.0).await?;
        rows.iter().map(applied).collect()
    }
}

impl AsyncMigrate for SqlxPg<'_> {}

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
