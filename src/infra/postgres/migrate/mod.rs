//! Brings the schema of a database to this release, as soon as the database is ready for that.

mod driver;
mod error;
mod lock;

use std::{sync::LazyLock, time::Duration};

use refinery::{Migration, Runner};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions, query};

use super::connection::open_session;
use driver::Driver;
pub use error::MigrateError;
use lock::MigrationLock;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the newest migration that this release knows.
pub(super) static SCHEMA_VERSION: LazyLock<i32> =
    LazyLock::new(|| embedded::migrations::runner().get_migrations().iter().map(Migration::version).max().unwrap_or(0));

/// The pause between two attempts doubles up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long the database may take to connect and to describe itself. A migration has no limit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for the database without a limit, migrates the schema to this release, and returns the versions that it applied.
/// Several instances may call it at once. Calls `waiting` repeatedly with the reason of the wait.
///
/// It does not change a schema that is newer: the old release keeps working while the new one rolls out. If the schema is
/// current, it changes nothing and needs no right to.
pub async fn migrate(options: &PgConnectOptions, waiting: impl Fn(&str)) -> Result<Vec<i32>, MigrateError> {
    // A migration may take longer than a request may.
    let bounds = [("statement_timeout", "0"), ("lock_timeout", "0"), ("idle_in_transaction_session_timeout", "10s")];
    let options = options.clone().options(bounds);
    let mut pause = FIRST_PAUSE;
    loop {
        let reason = match attempt(&options, &waiting).await {
            Ok(Attempt::Done(versions)) => return Ok(versions),
            Ok(Attempt::NotYet(reason)) => reason,
            Err(error) if error.is_temporary() => format!("the database is not ready: {error}"),
            Err(error) => return Err(error),
        };
        waiting(&reason);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

enum Attempt {
    /// The versions that it applied.
    Done(Vec<i32>),
    /// The reason.
    NotYet(String),
}

async fn attempt(options: &PgConnectOptions, waiting: &impl Fn(&str)) -> Result<Attempt, MigrateError> {
    let runner = embedded::migrations::runner().set_abort_missing(false);
    let asked = tokio::time::timeout(ANSWER_TIMEOUT, ask(options, &runner)).await;
    let (mut connection, schema) = asked.map_err(|_| MigrateError::Silent(ANSWER_TIMEOUT))??;
    match schema {
        Schema::ReadOnly(reason) => return Ok(Attempt::NotYet(reason)),
        Schema::Current => return Ok(Attempt::Done(Vec::new())),
        Schema::Old => {}
    }
    let mut lock = MigrationLock::take(options, waiting).await.map_err(MigrateError::connect)?;
    // Another instance may have migrated while this one waited.
    if is_current(&mut connection, &runner).await? {
        return Ok(Attempt::Done(Vec::new()));
    }
    waiting("the service migrates the schema");
    let mut driver = Driver { connection: &mut connection, lock: Some(&mut lock) };
    let report = runner.run_async(&mut driver).await.map_err(MigrateError::migrate)?;
    lock.release().await.map_err(MigrateError::connect)?;
    connection.close().await.map_err(MigrateError::connect)?;
    Ok(Attempt::Done(report.applied_migrations().iter().map(Migration::version).collect()))
}

enum Schema {
    Current,
    Old,
    /// The reason why it cannot be migrated or used yet.
    ReadOnly(String),
}

async fn ask(options: &PgConnectOptions, runner: &Runner) -> Result<(PgConnection, Schema), MigrateError> {
    let mut connection = open_session(options).await.map_err(MigrateError::connect)?;
    let server = query!(
        r#"select current_database() as "database!", current_setting('server_encoding') as "encoding!",
            pg_is_in_recovery() as "is_standby!", current_setting('transaction_read_only')::bool as "is_read_only!""#
    )
    .fetch_one(&mut connection)
    .await
    .map_err(MigrateError::connect)?;
    let database = server.database;
    if server.encoding != "UTF8" {
        return Err(MigrateError::Encoding { database, encoding: server.encoding });
    }
    let schema = if server.is_standby {
        Schema::ReadOnly("the server is a standby; the service waits until it is promoted".to_owned())
    } else if server.is_read_only {
        Schema::ReadOnly(format!("the database {database} is read-only; the service waits until it accepts writes"))
    } else if is_current(&mut connection, runner).await? {
        Schema::Current
    } else {
        Schema::Old
    };
    Ok((connection, schema))
}

/// Whether every migration of this release is applied. Reads only.
async fn is_current(connection: &mut PgConnection, runner: &Runner) -> Result<bool, MigrateError> {
    let history = query!(r#"select to_regclass('refinery_schema_history') is not null as "exists!""#);
    if !history.fetch_one(&mut *connection).await.map_err(MigrateError::connect)?.exists {
        return Ok(false);
    }
    let applied = runner.get_applied_migrations_async(&mut Driver { connection, lock: None }).await;
    let applied = applied.map_err(MigrateError::migrate)?;
    Ok(runner.get_migrations().iter().all(|migration| applied.contains(migration)))
}
