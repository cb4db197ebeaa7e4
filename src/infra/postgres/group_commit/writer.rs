use futures_util::TryFutureExt;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, timeout_at};

use crate::{
    app::RepoError,
    infra::postgres::{
        connection::{BEGIN, Connections, DEADLINE, no_answer},
        errors::{commit_error, repo_error},
        listeners::Listeners,
        queue::Queue,
        worker::{self, Worker},
    },
};

use super::{
    batch::{Written, write},
    change_set::ChangeSet,
    commit_queue::{CommitQueue, PendingCommit},
    peers::Peers,
};

/// Takes change sets, and responds to each when it is committed or refused. One connection, one transaction at a time.
pub(crate) type GroupCommit = Queue<ChangeSet, ()>;

/// Starts the task of the group commit. It ends when nobody can submit to the queue any more.
pub(crate) fn start(connections: Connections, listeners: Listeners) -> GroupCommit {
    let (group_commit, receiver) = Queue::new();
    let writer = Writer { connections, listeners, queue: CommitQueue::new(receiver), peers: Peers::default() };
    tokio::spawn(worker::run(writer));
    group_commit
}

struct Writer {
    connections: Connections,
    listeners: Listeners,
    queue: CommitQueue,
    peers: Peers,
}

/// After so many responses, other tasks of the thread may run, such as the next transaction.
const RESPONSES_PER_YIELD: usize = 16;

impl Worker for Writer {
    const NAME: &'static str = "the group commit";

    async fn serve(&mut self) {
        // A lone change set waits for nothing. Under load, all that arrived during the last transaction share the next one.
        while self.queue.wait_for_work().await {
            match self.connections.take().await {
                Ok(mut lease) => match self.write_all(lease.parts().0).await {
                    Ok(()) => lease.done(),
                    Err(error) => {
                        drop(lease);
                        self.queue.fail(error);
                    }
                },
                Err(error) => self.queue.fail_everything(error),
            }
        }
    }

    fn fail_taken(&mut self, error: RepoError) {
        self.queue.fail_taken(error);
    }
}

impl Writer {
    /// Writes batch after batch until none is left, or one has to be tried again. An error concerns the current batch, and
    /// leaves the connection unusable.
    async fn write_all(&mut self, connection: &mut PgConnection) -> Result<(), RepoError> {
        let Self { queue, peers, listeners, .. } = self;
        if !queue.advance() {
            return Ok(());
        }
        let mut deadline = Deadline::for_batch();
        let mut transaction = deadline.bound(connection.begin_with(BEGIN).map_err(repo_error)).await?;
        loop {
            listeners.begun(queue.queued_at());
            let sets: Vec<&ChangeSet> = queue.batch().iter().map(|job| &job.work).collect();
            let written = match deadline.bound(write(&mut transaction, &sets)).await {
                Ok(written) if !written.must_roll_back => written,
                Ok(Written { refusals, .. }) => {
                    queue.retry(&refusals);
                    return deadline.bound(transaction.rollback().map_err(repo_error)).await;
                }
                // The server has responded: the statement was wrong, the connection is not.
                Err(error) if !matches!(error, RepoError::Unavailable(_)) => {
                    deadline.bound(transaction.rollback().map_err(repo_error)).await?;
                    queue.fail(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            peers.record_batch(sets.len() - written.refusals.len(), &written.positions);
            if queue.is_empty() {
                deadline.bound(transaction.commit().map_err(commit_error)).await?;
                publish(listeners, &written, queue);
                return Ok(());
            }
            // Begins the next transaction in the same round trip.
            deadline.bound(transaction.execute("COMMIT AND CHAIN").map_err(commit_error)).await?;
            publish(listeners, &written, queue);
            deadline = Deadline::for_batch();
            if let Err(error) = deadline.bound(peers.take_write_token(&mut transaction)).await {
                log::warn!("a peer instance keeps the write token; the next batch is written without it: {error}");
                return deadline.bound(transaction.rollback().map_err(repo_error)).await;
            }
            if !queue.advance() {
                return deadline.bound(transaction.rollback().map_err(repo_error)).await;
            }
        }
    }
}

/// The batch is committed: responds to its callers in a task of its own, while the next transaction runs.
fn publish(listeners: &Listeners, written: &Written, queue: &mut CommitQueue) {
    let committed = queue.committed(&written.refusals);
    if !committed.is_empty() {
        tokio::spawn(respond(listeners.clone(), written.positions.start, committed));
    }
}

async fn respond(listeners: Listeners, first: u64, committed: Vec<PendingCommit>) {
    listeners.committed(committed.len(), first, committed.iter().flat_map(|job| job.work.tenant_events()));
    for (n, mut job) in (1..).zip(committed) {
        job.work.pass_states_on();
        job.respond(Ok(()));
        if n % RESPONSES_PER_YIELD == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// The end of the time that all steps of a batch may take together.
struct Deadline {
    at: Instant,
}

impl Deadline {
    fn for_batch() -> Self {
        Self { at: Instant::now() + DEADLINE }
    }

    async fn bound<T>(&self, step: impl Future<Output = Result<T, RepoError>>) -> Result<T, RepoError> {
        timeout_at(self.at, step).await.unwrap_or_else(|_| Err(no_answer()))
    }
}
