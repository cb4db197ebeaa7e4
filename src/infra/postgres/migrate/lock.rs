use std::time::Duration;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions, query, query_scalar};

use crate::infra::postgres::connection::open_session;

/// The number of the advisory lock of the migrations: "orders" in ASCII.
const LOCK: i64 = 0x006f_7264_6572_7300;
const POLL: Duration = Duration::from_millis(50);

/// Keeps other instances from migrating the same database. An open transaction on a connection of its own holds it, and the
/// server releases it with the transaction, however that ends. A lock of a session would stay with a pooler, which keeps its
/// sessions after the service has closed its connection.
///
/// The transaction has no snapshot between two statements, so `create index concurrently` on another connection does not wait
/// for it.
pub(super) struct MigrationLock(PgConnection);

impl MigrationLock {
    /// Calls `waiting` repeatedly with the reason of the wait. Older releases hold the same lock as a lock of their session.
    pub(super) async fn take(options: &PgConnectOptions, waiting: &impl Fn(&str)) -> sqlx::Result<Self> {
        let mut connection = open_session(options).await?;
        while !try_take(&mut connection).await? {
            let holder = holder(&mut connection).await?;
            // To wait inside the transaction, or for the lock itself, would hold a snapshot now and then, or all the time.
            sqlx::raw_sql("rollback").execute(&mut connection).await?;
            waiting(&format!("another session holds the lock of the migrations: {holder}"));
            tokio::time::sleep(POLL).await;
        }
        Ok(Self(connection))
    }

    /// Fails if the connection, and the lock with it, is lost.
    pub(super) async fn check(&mut self) -> sqlx::Result<()> {
        self.0.ping().await
    }

    pub(super) async fn release(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("commit").execute(&mut self.0).await?;
        self.0.close().await
    }
}

/// Begins a transaction, and takes the lock in it if it is free.
async fn try_take(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // Another isolation level keeps its snapshot.
    sqlx::raw_sql("begin isolation level read committed").execute(&mut *connection).await?;
    query!(
        "select set_config('idle_in_transaction_session_timeout', '0', true),
            case when current_setting('server_version_num')::int >= 170000 then set_config('transaction_timeout', '0', true) end"
    )
    .fetch_one(&mut *connection)
    .await?;
    query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "taken!""#, LOCK).fetch_one(connection).await
}

/// Who holds the lock, for people.
async fn holder(connection: &mut PgConnection) -> sqlx::Result<String> {
    let holder = query!(
        r#"select a.pid as "pid!", a.application_name as "application!", a.usename::text as "user_name!",
            coalesce(a.client_addr::text, 'this host') as "address!"
        from pg_locks l
        join pg_stat_activity a using (pid)
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
            and l.database = (select oid from pg_database where datname = current_database())
            and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
        limit 1"#,
        LOCK,
    )
    .fetch_optional(connection)
    .await?;
    Ok(holder.map_or_else(
        || "it has just released it".to_owned(),
        |holder| {
            format!(
                "process {} of PostgreSQL, application {:?}, user {}, from {}",
                holder.pid, holder.application, holder.user_name, holder.address
            )
        },
    ))
}
