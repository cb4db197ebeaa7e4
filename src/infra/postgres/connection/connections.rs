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

/// Connections that are handed on as they are. sqlx's pool asks the server on each return whether a connection is still good,
/// which costs a statement a second round trip: here a connection whose work succeeded goes to the next one as it is.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    /// As many permits as the pool has connections: who has one waits in the pool only for one that is being looked at.
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

/// A connection for one piece of work. One that is dropped without `done` is closed: nobody knows whether it still answers, and
/// sqlx's pool would wait for that without an end.
pub(crate) struct ConnectionLease {
    connection: PoolConnection<Postgres>,
    idle: Arc<Mutex<Vec<Idle>>>,
    permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Called where tasks can be spawned, and where they go on to the end.
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

    /// This one if it still answers, or else another one: a connection that died in silence would not say so for minutes.
    async fn pinged(&self, mut connection: PoolConnection<Postgres>) -> Result<PoolConnection<Postgres>, RepoError> {
        let asked = tokio::time::timeout(self.acquire_timeout.min(PING_TIMEOUT), connection.ping()).await;
        if matches!(asked, Ok(Ok(()))) {
            return Ok(connection);
        }
        drop(connection.detach());
        self.acquire().await
    }

    /// Opened by a task behind the HTTP workers, whose runtimes end before the connections do.
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
        // Once they are being closed, nobody would take it from here any more.
        if !permit.semaphore().is_closed() {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// The server does not answer on it any more: the pool may open another one at once.
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

/// How soon a connection answers that is still alive.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// How long work that many wait for may take: longer than the server lets a statement take, which it tells by itself. Whatever
/// keeps it from that, the next ones get another connection.
pub(crate) const SHARED_WORK_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) fn no_answer() -> RepoError {
    RepoError::Unavailable("the database does not answer".into())
}

/// Held for a push or a pop: a panic of another thread leaves nothing half-done.
fn lock(idle: &Mutex<Vec<Idle>>) -> std::sync::MutexGuard<'_, Vec<Idle>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
