use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    app::RepoError,
    infra::{observability::PoolUse, postgres::errors::repo_error},
};

use super::connect::TRUSTED_IDLE;

/// A pool that reuses a connection without a ping if its last statement succeeded. The pool of sqlx pings each returned
/// connection, which doubles the round trips of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    /// One for each connection of the pool. A holder waits in the pool only while it opens or checks a connection.
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle>>>,
    acquire_timeout: Duration,
    runtime: Handle,
}

#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

/// A connection for one piece of work. It is closed if it is dropped without `done`: the server may not respond any more, and
/// the pool of sqlx would wait for it without a limit.
pub(crate) struct ConnectionLease {
    connection: PoolConnection<Postgres>,
    idle: Arc<Mutex<Vec<Idle>>>,
    permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Opens connections on the current runtime, which must outlive them.
    pub(crate) fn new(pool: PgPool, acquire_timeout: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(pool.options().get_max_connections() as usize));
        Self { pool, permits, idle: Arc::default(), acquire_timeout, runtime: Handle::current() }
    }

    pub(crate) async fn take(&self) -> Result<ConnectionLease, RepoError> {
        let permit = tokio::time::timeout(self.acquire_timeout, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| repo_error(sqlx::Error::PoolTimedOut))?;
        let permit = permit.map_err(|_| repo_error(sqlx::Error::PoolClosed))?;
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(Idle { connection, since }) if since.elapsed() < TRUSTED_IDLE => connection,
            Some(Idle { connection, .. }) => self.pinged(connection).await?,
            None => self.acquire().await?,
        };
        Ok(ConnectionLease { connection, idle: self.idle.clone(), permit })
    }

    /// The connection if it responds to a ping in time, or else another one. Without the timeout, a connection to a host that
    /// vanished would fail only after minutes.
    async fn pinged(&self, mut connection: PoolConnection<Postgres>) -> Result<PoolConnection<Postgres>, RepoError> {
        let answered = tokio::time::timeout(self.acquire_timeout.min(PING_TIMEOUT), connection.ping()).await;
        if matches!(answered, Ok(Ok(()))) {
            return Ok(connection);
        }
        drop(connection.detach());
        self.acquire().await
    }

    /// Opens the connection in a task of the store's runtime: the runtimes of the HTTP workers end before the connections.
    async fn acquire(&self) -> Result<PoolConnection<Postgres>, RepoError> {
        let pool = self.pool.clone();
        let acquired = self.runtime.spawn(async move { pool.acquire().await }).await;
        let mut connection = acquired.map_err(|error| RepoError::Unavailable(error.into()))?.map_err(repo_error)?;
        connection.close_on_drop();
        Ok(connection)
    }

    pub(crate) fn usage(&self) -> PoolUse {
        let max = self.pool.options().get_max_connections();
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(max);
        let used = max.saturating_sub(free);
        PoolUse { used, idle: self.pool.size().saturating_sub(used), max }
    }

    pub(crate) async fn close(&self) {
        self.permits.close();
        lock(&self.idle).clear();
        self.pool.close().await;
    }
}

impl ConnectionLease {
    /// The work has succeeded.
    pub(crate) fn done(self) {
        let Self { connection, idle, permit } = self;
        let mut idle = lock(&idle);
        // After `close`, nobody would take it from here.
        if !permit.semaphore().is_closed() {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// The server does not respond any more: the pool may open another connection at once.
    pub(crate) fn close(self) {
        drop(self.connection.detach());
    }
}

impl Deref for ConnectionLease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for ConnectionLease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// How long a live connection may take to respond to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum duration of work that many requests wait for. PostgreSQL cancels a statement earlier and reports it. If it
/// does not even do that, the next work gets another connection.
pub(crate) const SHARED_WORK_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) fn no_answer() -> RepoError {
    RepoError::Unavailable("the database does not respond".into())
}

/// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
fn lock(idle: &Mutex<Vec<Idle>>) -> std::sync::MutexGuard<'_, Vec<Idle>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
