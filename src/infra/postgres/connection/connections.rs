use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::{
    app::RepoError,
    infra::{observability::PoolUse, postgres::errors::repo_error},
};

use super::{
    connect::{PoolSettings, TRUSTED_IDLE, connect},
    deadline::StatementTime,
    pool::{Idle, Place, Pool},
};

/// A pool of connections. It reuses a connection without a ping if its last statement succeeded just before. Every statement
/// has a deadline. A connection that misses it is closed, and the next piece of work gets another one.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: Arc<Pool>,
}

/// A connection for one piece of work. It is closed if it is dropped without `done`: a response may be under way, or may never
/// come.
pub(crate) struct ConnectionLease {
    connection: PgConnection,
    place: Place,
}

impl Connections {
    /// Connects at the first use: the service starts without its database, and responds with 503 until it is there. Opens
    /// connections on the current runtime, which must outlive them.
    pub(crate) fn new(options: PgConnectOptions, settings: PoolSettings) -> Self {
        let permits = || Arc::new(Semaphore::new(settings.max_connections as usize));
        let (permits, overdue, runtime) = (permits(), permits(), Handle::current());
        Self { pool: Arc::new(Pool { options, settings, permits, overdue, idle: Mutex::default(), runtime }) }
    }

    pub(crate) async fn take(&self) -> Result<ConnectionLease, RepoError> {
        let pool = &self.pool;
        let permit = tokio::time::timeout(pool.settings.acquire_timeout, pool.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| repo_error(sqlx::Error::PoolTimedOut))?;
        let permit = permit.map_err(|_| repo_error(sqlx::Error::PoolClosed))?;
        let place = Place { pool: pool.clone(), permit, is_overdue: false };
        let idle = pool.idle().pop();
        match idle {
            Some(Idle { connection, since }) if since.elapsed() < TRUSTED_IDLE => {
                Ok(ConnectionLease { connection, place })
            }
            Some(Idle { connection, .. }) => match pinged(connection, pool.settings.acquire_timeout).await {
                Some(connection) => Ok(ConnectionLease { connection, place }),
                None => open(place).await,
            },
            None => open(place).await,
        }
    }

    /// For work that ends after its caller.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.pool.runtime
    }

    pub(crate) fn usage(&self) -> PoolUse {
        let max = self.pool.settings.max_connections;
        let count = |number: usize| u32::try_from(number).unwrap_or(max);
        let used = self.pool.in_use() + self.pool.silent();
        PoolUse { used: count(used), idle: count(self.pool.idle().len()), max }
    }

    /// Waits for the connections that are in use, and closes all.
    pub(crate) async fn close(&self) {
        let _all = self.pool.permits.acquire_many(self.pool.settings.max_connections).await;
        self.pool.permits.close();
        let idle = std::mem::take(&mut *self.pool.idle());
        for Idle { connection, .. } in idle {
            // The process ends: an error changes nothing.
            let _ = connection.close().await;
        }
    }
}

/// Connects in a task of the store's runtime: the runtimes of the HTTP workers end before the connections.
async fn open(place: Place) -> Result<ConnectionLease, RepoError> {
    let runtime = place.pool.runtime.clone();
    let opened = runtime.spawn(async move {
        let Pool { options, settings, .. } = &*place.pool;
        connect(options, settings.acquire_timeout).await.map(|connection| ConnectionLease { connection, place })
    });
    opened.await.map_err(|error| RepoError::Unavailable(error.into()))?.map_err(repo_error)
}

/// The connection, if it responds to a ping in time. Without the timeout, a connection to a host that vanished would fail
/// only after minutes.
async fn pinged(mut connection: PgConnection, acquire_timeout: Duration) -> Option<PgConnection> {
    let answered = tokio::time::timeout(acquire_timeout.min(PING_TIMEOUT), connection.ping()).await;
    matches!(answered, Ok(Ok(()))).then_some(connection)
}

/// How long a live connection may take to respond to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

impl ConnectionLease {
    /// The connection, and the bound for each of its statements.
    pub(crate) const fn parts(&mut self) -> (&mut PgConnection, StatementTime<'_>) {
        (&mut self.connection, StatementTime::new(&mut self.place))
    }

    /// The work has succeeded.
    pub(crate) fn done(self) {
        let Self { connection, place } = self;
        let pool = &place.pool;
        let mut idle = pool.idle();
        let has_room = !place.is_overdue || idle.len() + pool.in_use() < pool.settings.max_connections as usize;
        // After `close`, nobody would take it from here.
        if has_room && !pool.permits.is_closed() {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}
