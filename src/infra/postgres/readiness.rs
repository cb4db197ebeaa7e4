use std::time::{Duration, Instant};

use futures_util::TryFutureExt;
use sqlx::{postgres::PgConnectOptions, query_scalar};
use tokio::{sync::Mutex, time::timeout};

use crate::app::RepoError;

use super::{
    connection::{Connections, PoolSettings, no_answer},
    errors::{SharedError, repo_error},
    migrate::SCHEMA_VERSION,
};

/// Whether the database answers and has the schema of this release. Clients' queries do not delay a check, because it has a
/// connection of its own. At most one check runs at a time, however many ask.
pub(super) struct Readiness {
    connections: Connections,
    last: Mutex<Option<Checked>>,
}

struct Checked {
    at: Instant,
    result: Result<(), SharedError>,
}

/// A check takes at most this long, with the connect.
const CHECK_TIMEOUT: Duration = Duration::from_millis(900);

/// Who asks so soon after a check gets its result.
const REUSED_FOR: Duration = Duration::from_millis(250);

impl Readiness {
    pub(super) fn new(options: PgConnectOptions, settings: PoolSettings) -> Self {
        let acquire_timeout = settings.acquire_timeout.min(CHECK_TIMEOUT);
        Self {
            connections: Connections::new(options, PoolSettings { max_connections: 1, acquire_timeout }),
            last: Mutex::default(),
        }
    }

    /// The result of a check that is running, or just was, or of a new one.
    pub(super) async fn check(&self) -> Result<(), RepoError> {
        // Also bounds the wait for the check of a caller that went away in the middle of it.
        timeout(CHECK_TIMEOUT, self.shared_check()).await.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn shared_check(&self) -> Result<(), RepoError> {
        let mut last = self.last.lock().await;
        let recent = last.take().filter(|checked| checked.at.elapsed() < REUSED_FOR);
        let checked = if let Some(checked) = recent { checked } else { self.checked().await };
        let result = checked.result.as_ref().map_or_else(|error| Err(error.to_repo_error()), |()| Ok(()));
        *last = Some(checked);
        result
    }

    async fn checked(&self) -> Checked {
        let result = timeout(CHECK_TIMEOUT, self.has_schema()).await.unwrap_or_else(|_| Err(no_answer()));
        Checked { at: Instant::now(), result: result.map_err(SharedError::new) }
    }

    async fn has_schema(&self) -> Result<(), RepoError> {
        let mut lease = self.connections.take().await?;
        let (connection, mut time) = lease.parts();
        let applied = query_scalar!("select max(version) from refinery_schema_history").fetch_one(connection);
        let applied = time.bound(applied.map_err(repo_error)).await?;
        lease.done();
        if applied >= Some(*SCHEMA_VERSION) {
            Ok(())
        } else {
            Err(RepoError::Unavailable(
                "the schema is older than this release; start the service once to migrate it".into(),
            ))
        }
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}
