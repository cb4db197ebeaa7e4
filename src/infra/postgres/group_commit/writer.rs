use std::time::Duration;

use tokio::time::{error::Elapsed, timeout};

use crate::{
    app::RepoError,
    infra::postgres::{
        connection::{Connections, OwnTransaction, in_time, no_answer},
        listeners::Listeners,
        queue::{Queue, fail_all},
        worker::{self, Worker},
    },
};

use super::{
    batch::{Written, write},
    change_set::ChangeSet,
    commit_queue::{CommitQueue, PendingCommit, refuse},
    peers::Peers,
};

/// Takes change sets, and responds to each when it is committed or refused. One transaction at a time, unless the database
/// does not respond: then the next one begins on another connection.
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

/// The database refuses a write token that it cannot give after a second. Without an answer the connection is silent.
const WRITE_TOKEN_DEADLINE: Duration = Duration::from_millis(1500);

impl Worker for Writer {
    const NAME: &'static str = "the group commit";

    async fn serve(&mut self) {
        // A lone change set waits for nothing. Under load, all that arrived during the last transaction share the next one.
        while self.queue.wait_for_work().await {
            match OwnTransaction::begin(&self.connections).await {
                Ok(transaction) => self.write_all(transaction).await,
                Err(error) => self.queue.fail_everything(error),
            }
        }
    }

    fn fail_taken(&mut self, error: RepoError) {
        self.queue.fail_taken(error);
    }
}

impl Writer {
    /// Writes batch after batch until none is left, one has to be tried again, or the database does not respond in time.
    async fn write_all(&mut self, mut transaction: OwnTransaction) {
        while self.queue.advance() {
            self.listeners.begun(self.queue.queued_at());
            let batch = Batch { transaction, jobs: self.queue.take_batch() };
            let (batch, result) = match in_time(Box::pin(batch.write())).await {
                Ok(written) => written,
                Err(overdue) => return self.finish_alone(async { commit_late(overdue.await).await }),
            };
            let written = match result {
                Ok(written) if !written.must_roll_back => written,
                Ok(Written { refusals, .. }) => {
                    self.queue.put_back(batch.roll_back());
                    return self.queue.retry(&refusals);
                }
                Err(error) => {
                    self.queue.put_back(batch.give_up(&error));
                    return self.queue.fail(error);
                }
            };
            self.peers.record_batch(batch.jobs.len() - written.refusals.len(), &written.positions);
            let (jobs, result) = match in_time(Box::pin(batch.commit(!self.queue.is_empty()))).await {
                Ok(committed) => committed,
                Err(overdue) => {
                    return self.finish_alone(async {
                        let (jobs, result) = overdue.await;
                        (jobs, result.map(|_| written))
                    });
                }
            };
            self.queue.put_back(jobs);
            transaction = match result {
                Ok(next) => {
                    let committed = self.queue.committed(&written.refusals);
                    publish(&self.listeners, written, committed);
                    let Some(next) = next else { return };
                    next
                }
                Err(error) => return self.queue.fail(error),
            };
            match self.take_write_token(&mut transaction).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    log::warn!("a peer instance keeps the write token; the next batch is written without it: {error}");
                    return;
                }
                // Nothing is written yet in this transaction: the next batch takes another connection.
                Err(_silent) => return transaction.abandon(),
            }
        }
    }

    async fn take_write_token(&mut self, transaction: &mut OwnTransaction) -> Result<Result<(), RepoError>, Elapsed> {
        match transaction.parts() {
            Ok((connection, _)) => timeout(WRITE_TOKEN_DEADLINE, self.peers.take_write_token(connection)).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// The callers of this batch wait until the database responds, or until the deadline. The next batch does not: its
    /// connection may work.
    fn finish_alone(
        &self,
        batch: impl Future<Output = (Vec<PendingCommit>, Result<Written, RepoError>)> + Send + 'static,
    ) {
        let listeners = self.listeners.clone();
        tokio::spawn(async move {
            match batch.await {
                (jobs, Ok(written)) => {
                    let committed = refuse(jobs, &written.refusals);
                    publish(&listeners, written, committed);
                }
                (jobs, Err(error)) => fail_all(jobs, error),
            }
        });
    }
}

/// The change sets of one transaction.
struct Batch {
    transaction: OwnTransaction,
    jobs: Vec<PendingCommit>,
}

impl Batch {
    async fn write(mut self) -> (Self, Result<Written, RepoError>) {
        let Self { transaction, jobs } = &mut self;
        let sets: Vec<&ChangeSet> = jobs.iter().map(|job| &job.work).collect();
        let result = match transaction.parts() {
            Ok((connection, mut time)) => time.bound(write(connection, &sets)).await,
            Err(error) => Err(error),
        };
        (self, result)
    }

    /// `chain` begins the next transaction in the same round trip, and returns it.
    async fn commit(self, chain: bool) -> (Vec<PendingCommit>, Result<Option<OwnTransaction>, RepoError>) {
        let Self { transaction, jobs } = self;
        let result = if chain {
            transaction.commit_and_chain().await.map(Some)
        } else {
            transaction.commit().await.map(|()| None)
        };
        (jobs, result)
    }

    fn roll_back(self) -> Vec<PendingCommit> {
        self.jobs
    }

    /// If the server has responded, the statement was wrong, and the connection is not.
    fn give_up(self, error: &RepoError) -> Vec<PendingCommit> {
        let Self { transaction, jobs } = self;
        if matches!(error, RepoError::Unavailable(_)) {
            transaction.abandon();
        }
        jobs
    }
}

/// Commits a batch that the database was slow to write. It is not tried again.
async fn commit_late(
    (batch, result): (Batch, Result<Written, RepoError>),
) -> (Vec<PendingCommit>, Result<Written, RepoError>) {
    match result {
        Ok(written) if !written.must_roll_back => {
            let (jobs, result) = batch.commit(false).await;
            (jobs, result.map(|_| written))
        }
        Ok(Written { refusals, .. }) => (refuse(batch.roll_back(), &refusals), Err(no_answer())),
        Err(error) => (batch.give_up(&error), Err(error)),
    }
}

/// The batch is committed: responds to its callers in a task of its own, while the next transaction runs.
fn publish(listeners: &Listeners, written: Written, committed: Vec<PendingCommit>) {
    if !committed.is_empty() {
        tokio::spawn(respond(listeners.clone(), written, committed));
    }
}

async fn respond(listeners: Listeners, written: Written, committed: Vec<PendingCommit>) {
    let events = committed.iter().flat_map(|job| job.work.staged_events());
    listeners.committed(committed.len(), written.positions.start, events.zip(written.sequences.iter().copied()));
    for (n, mut job) in (1..).zip(committed) {
        job.work.pass_states_on();
        job.respond(Ok(()));
        if n % RESPONSES_PER_YIELD == 0 {
            tokio::task::yield_now().await;
        }
    }
}
