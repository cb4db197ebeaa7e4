use futures_util::TryFutureExt;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout_at},
};

use crate::{
    app::RepoError,
    infra::postgres::{
        connection::{Connections, DEADLINE, unanswered},
        errors::{commit_error, repo_error},
    },
};

use super::{
    ChangeSet, Listeners,
    batch::{Written, write},
    commit_queue::{CommitQueue, PendingCommit},
    peers::Peers,
};

/// The task behind the lane.
pub(super) struct Writer {
    pub(super) connections: Connections,
    pub(super) listeners: Listeners,
}

/// How many are told before the lane has a turn on the thread.
const TOLD_AT_ONCE: usize = 16;

impl Writer {
    pub(super) async fn run(self, queue: Receiver<PendingCommit>) {
        let (mut line, mut peers) = (CommitQueue::new(queue), Peers::default());
        // Alone, a set waits for nobody; under load, all that came during the last transaction go together.
        while line.is_asked().await {
            match self.connections.take().await {
                Ok(mut connection) => match self.write_all(&mut connection, &mut line, &mut peers).await {
                    Ok(()) => connection.done(),
                    Err(error) => {
                        connection.close();
                        line.fail(error);
                    }
                },
                Err(error) => line.refuse_all(error),
            }
        }
    }

    /// Writes batch after batch until nobody waits any more, or one is to be tried again. An error is about the batch that is
    /// under way.
    async fn write_all(
        &self,
        connection: &mut PgConnection,
        line: &mut CommitQueue,
        peers: &mut Peers,
    ) -> Result<(), RepoError> {
        if !line.advance() {
            return Ok(());
        }
        let mut time = Time::of_a_batch();
        let mut transaction = time.bound(connection.begin().map_err(repo_error)).await?;
        loop {
            self.listeners.begun(line.since());
            let sets: Vec<&ChangeSet> = line.batch().iter().map(|job| &job.work).collect();
            let written = match time.bound(write(&mut transaction, &sets)).await {
                Ok(written) if !written.must_roll_back => written,
                Ok(Written { refusals, .. }) => {
                    line.retry(&refusals);
                    return time.bound(transaction.rollback().map_err(repo_error)).await;
                }
                // The server has answered: only what it was asked was wrong.
                Err(error @ (RepoError::KeyTaken | RepoError::Conflict | RepoError::Backend(_))) => {
                    time.bound(transaction.rollback().map_err(repo_error)).await?;
                    line.fail(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            peers.wrote(sets.len() - written.refusals.len(), &written.positions);
            if line.is_empty() {
                time.bound(transaction.commit().map_err(commit_error)).await?;
                self.tell(&written, line);
                return Ok(());
            }
            // The next transaction begins without a statement of its own.
            time.bound(transaction.execute("COMMIT AND CHAIN").map_err(commit_error)).await?;
            self.tell(&written, line);
            time = Time::of_a_batch();
            if let Err(error) = time.bound(peers.take_turn(&mut transaction)).await {
                log::warn!("another instance does not let this one write: {error}");
                return time.bound(transaction.rollback().map_err(repo_error)).await;
            }
            if !line.advance() {
                return time.bound(transaction.rollback().map_err(repo_error)).await;
            }
        }
    }

    /// The batch is committed: tells all who have been written. The next transaction begins meanwhile.
    fn tell(&self, written: &Written, line: &mut CommitQueue) {
        let told = line.written(&written.refusals);
        if !told.is_empty() {
            tokio::spawn(tell(self.listeners.clone(), written.positions.start, told));
        }
    }
}

async fn tell(listeners: Listeners, first_position: u64, written: Vec<PendingCommit>) {
    listeners.committed(first_position, written.iter().map(|job| &job.work));
    for (n, mut job) in (1..).zip(written) {
        job.work.leave_states();
        job.answer(Ok(()));
        if n % TOLD_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// What a batch may take, all its steps together.
struct Time {
    until: Instant,
}

impl Time {
    fn of_a_batch() -> Self {
        Self { until: Instant::now() + DEADLINE }
    }

    async fn bound<T>(&self, step: impl Future<Output = Result<T, RepoError>>) -> Result<T, RepoError> {
        timeout_at(self.until, step).await.unwrap_or_else(|_| Err(unanswered()))
    }
}
