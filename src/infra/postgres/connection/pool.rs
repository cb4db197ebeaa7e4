use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::connect::PoolSettings;

/// The state of a pool of connections.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) options: PgConnectOptions,
    pub(super) settings: PoolSettings,
    /// One for each connection.
    pub(super) permits: Arc<Semaphore>,
    /// One for each connection that may be silent without a permit: see `StatementTime`.
    pub(super) overdue: Arc<Semaphore>,
    pub(super) idle: Mutex<Vec<Idle>>,
    pub(super) runtime: Handle,
}

#[derive(Debug)]
pub(super) struct Idle {
    pub(super) connection: PgConnection,
    pub(super) since: Instant,
}

/// The place of a connection in its pool.
pub(super) struct Place {
    pub(super) pool: Arc<Pool>,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) is_overdue: bool,
}

impl Place {
    /// Others may use the permit, while there are not too many silent connections.
    pub(super) fn free(&mut self) {
        if let (false, Ok(overdue)) = (self.is_overdue, self.pool.overdue.clone().try_acquire_owned()) {
            self.permit = overdue;
            self.is_overdue = true;
        }
    }
}

impl Pool {
    pub(super) fn in_use(&self) -> usize {
        (self.settings.max_connections as usize).saturating_sub(self.permits.available_permits())
    }

    pub(super) fn silent(&self) -> usize {
        (self.settings.max_connections as usize).saturating_sub(self.overdue.available_permits())
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
