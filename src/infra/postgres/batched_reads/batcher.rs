use std::{iter, mem, sync::Arc};

use sqlx::PgConnection;
use tokio::sync::{Semaphore, mpsc::UnboundedReceiver};

use crate::{
    app::RepoError,
    infra::postgres::{
        connection::{ConnectionLease, Connections, in_time},
        queue::{Job, Queue, fail_all},
        turns::{TenantHash, in_turns},
        worker::{self, Worker},
    },
};

/// A statement that finds many things by their names.
pub(crate) trait BatchedRead: 'static {
    type Name: Send + Sync;
    type Found: Send;

    /// Whose name it is. Tenants take turns.
    fn tenant(name: &Self::Name) -> &str;

    /// One result for each name, in the order of the names.
    fn find(
        connection: &mut PgConnection,
        names: &[&Self::Name],
    ) -> impl Future<Output = Result<Vec<Result<Self::Found, RepoError>>, RepoError>> + Send;
}

/// Finds things by their names, many in one statement. A result is never older than its request.
pub(crate) struct BatchedReads<R: BatchedRead> {
    connections: Connections,
    /// Held while a statement runs: one at a time, so that the other requests gather. Not for a statement that is overdue.
    running: Arc<Semaphore>,
    queue: Queue<R::Name, R::Found>,
}

/// The maximum number of names in one statement.
const MAX_NAMES: usize = 128;

impl<R: BatchedRead> BatchedReads<R> {
    /// Spawns a task, which ends with the last `BatchedReads`.
    pub(crate) fn new(connections: Connections) -> Self {
        let (queue, receiver) = Queue::new();
        let running = Arc::new(Semaphore::new(1));
        let (waiting, taken, reader_connections) = (Vec::new(), Vec::new(), connections.clone());
        tokio::spawn(worker::run(Reader::<R> {
            connections: reader_connections,
            running: running.clone(),
            receiver,
            waiting,
            taken,
        }));
        Self { connections, running, queue }
    }

    pub(crate) async fn find(&self, name: R::Name) -> Result<R::Found, RepoError> {
        // A lone request runs its own statement here. The queued requests hold the semaphore before later ones get it.
        let Ok(running) = self.running.try_acquire() else {
            return self.queue.submit(TenantHash::of(R::tenant(&name)), name).await;
        };
        // Boxed: it would enlarge the future of every request, also of those that are queued.
        let statement = Box::pin(async { find::<R>(self.connections.take().await?, &[&name]).await });
        let found = match in_time(statement).await {
            Ok(found) => found?,
            Err(overdue) => {
                drop(running);
                overdue.await?
            }
        };
        found.into_iter().next().unwrap_or_else(|| Err(RepoError::Backend("a batched read without a result".into())))
    }
}

/// The task that serves the queued requests.
struct Reader<R: BatchedRead> {
    connections: Connections,
    running: Arc<Semaphore>,
    receiver: UnboundedReceiver<Job<R::Name, R::Found>>,
    /// Those of one tenant are in order of arrival.
    waiting: Vec<Job<R::Name, R::Found>>,
    taken: Vec<Job<R::Name, R::Found>>,
}

impl<R: BatchedRead> Worker for Reader<R> {
    const NAME: &'static str = "a batched read";

    async fn serve(&mut self) {
        let Self { connections, running, receiver, waiting, taken } = self;
        // Under load, all requests that arrived during the last statement share the next one.
        while !waiting.is_empty() || receiver.recv_many(waiting, MAX_NAMES).await > 0 {
            let _running = running.acquire().await;
            let lease = match connections.take().await {
                Ok(lease) => lease,
                Err(error) => {
                    // Every request has waited for a connection, so none waits a second time.
                    fail_all(waiting.drain(..).chain(iter::from_fn(|| receiver.try_recv().ok())), error);
                    continue;
                }
            };
            waiting.extend(iter::from_fn(|| receiver.try_recv().ok()));
            waiting.retain(|job| !job.is_abandoned());
            if waiting.len() > MAX_NAMES {
                in_turns(waiting, |job| job.tenant);
            }
            taken.extend(waiting.drain(..waiting.len().min(MAX_NAMES)));
            if taken.is_empty() {
                lease.done();
                continue;
            }
            if let Err(overdue) = in_time(Box::pin(respond::<R>(lease, mem::take(taken)))).await {
                tokio::spawn(overdue);
            }
        }
    }

    fn fail_taken(&mut self, error: RepoError) {
        fail_all(self.taken.drain(..).chain(self.waiting.drain(..)), error);
    }
}

async fn respond<R: BatchedRead>(lease: ConnectionLease, jobs: Vec<Job<R::Name, R::Found>>) {
    let names: Vec<&R::Name> = jobs.iter().map(|job| &job.work).collect();
    match find::<R>(lease, &names).await {
        Ok(found) => jobs.into_iter().zip(found).for_each(|(job, found)| job.respond(found)),
        Err(error) => fail_all(jobs, error),
    }
}

async fn find<R: BatchedRead>(
    mut lease: ConnectionLease,
    names: &[&R::Name],
) -> Result<Vec<Result<R::Found, RepoError>>, RepoError> {
    let (connection, mut time) = lease.parts();
    let found = time.bound(R::find(connection, names)).await?;
    lease.done();
    Ok(found)
}
