use futures_util::TryFutureExt;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout_at},
};

use crate::{
    app::RepoError,
    infra::postgres::{
        connection::{Connections, SHARED_WORK_TIMEOUT, no_answer},
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
const RESPONSES_PER_YIELD: usize = 16;

impl Writer {
    pub(super) async fn run(self, receiver: Receiver<PendingCommit>) {
        let (mut queue, mut peers) = (CommitQueue::new(receiver), Peers::default());
        // Alone, a set waits for nobody; under load, all that came during the last transaction go together.
        while queue.wait_for_work().await {
            match self.connections.take().await {
                Ok(mut connection) => match self.write_all(&mut connection, &mut queue, &mut peers).await {
                    Ok(()) => connection.done(),
                    Err(error) => {
                        connection.close();
                        queue.fail(error);
                    }
                },
                Err(error) => queue.fail_everything(error),
            }
        }
    }

    /// Writes batch after batch until nobody waits any more, or one is to be tried again. An error is about the batch that is
    /// under way.
    async fn write_all(
        &self,
        connection: &mut PgConnection,
        queue: &mut CommitQueue,
        peers: &mut Peers,
    ) -> Result<(), RepoError> {
        if !queue.advance() {
            return Ok(());
        }
        let mut deadline = Deadline::for_batch();
        let mut transaction = deadline.bound(connection.begin().map_err(repo_error)).await?;
        loop {
            self.listeners.batch_begun(queue.queued_at());
            let sets: Vec<&ChangeSet> = queue.batch().iter().map(|job| &job.work).collect();
            let written = match deadline.bound(write(&mut transaction, &sets)).await {
                Ok(written) if !written.must_roll_back => written,
                Ok(Written { refusals, .. }) => {
                    queue.retry(&refusals);
                    return deadline.bound(transaction.rollback().map_err(repo_error)).await;
                }
                // The server has answered: only what it was asked was wrong.
                Err(error @ (RepoError::KeyTaken | RepoError::Conflict | RepoError::Backend(_))) => {
                    deadline.bound(transaction.rollback().map_err(repo_error)).await?;
                    queue.fail(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            peers.record_batch(sets.len() - written.refusals.len(), &written.positions);
            if queue.is_empty() {
                deadline.bound(transaction.commit().map_err(commit_error)).await?;
                self.publish(&written, queue);
                return Ok(());
            }
            // The next transaction begins without a statement of its own.
            deadline.bound(transaction.execute("COMMIT AND CHAIN").map_err(commit_error)).await?;
            self.publish(&written, queue);
            deadline = Deadline::for_batch();
            if let Err(error) = deadline.bound(peers.take_write_token(&mut transaction)).await {
                log::warn!("another instance does not let this one write: {error}");
                return deadline.bound(transaction.rollback().map_err(repo_error)).await;
            }
            if !queue.advance() {
                return deadline.bound(transaction.rollback().map_err(repo_error)).await;
            }
        }
    }

    /// The batch is committed: tells all who have been written. The next transaction begins meanwhile.
    fn publish(&self, written: &Written, queue: &mut CommitQueue) {
        let committed = queue.written(&written.refusals);
        if !committed.is_empty() {
            tokio::spawn(publish(self.listeners.clone(), written.positions.start, committed));
        }
    }
}

async fn publish(listeners: Listeners, first_position: u64, written: Vec<PendingCommit>) {
    listeners.committed(first_position, written.iter().map(|job| &job.work));
    for (n, mut job) in (1..).zip(written) {
        job.work.pass_states_on();
        job.respond(Ok(()));
        if n % RESPONSES_PER_YIELD == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// What a batch may take, all its steps together.
struct Deadline {
    at: Instant,
}

impl Deadline {
    fn for_batch() -> Self {
        Self { at: Instant::now() + SHARED_WORK_TIMEOUT }
    }

    async fn bound<T>(&self, step: impl Future<Output = Result<T, RepoError>>) -> Result<T, RepoError> {
        timeout_at(self.at, step).await.unwrap_or_else(|_| Err(no_answer()))
    }
}
