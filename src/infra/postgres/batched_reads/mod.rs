//! How reads share statements: what is looked up while one statement is under way is found together by the next one.

mod keys;
mod orders;

use std::{iter, sync::Arc};

use sqlx::PgConnection;
use tokio::sync::{Semaphore, mpsc::Receiver};

use crate::app::RepoError;

use super::{
    connection::{ConnectionLease, Connections, SHARED_WORK_TIMEOUT, no_answer},
    queue::{Job, Queue, fail_all},
};

pub(super) use keys::{KeyName, KeyRead};
pub(super) use orders::{FoundOrder, OrderName, OrderRead, select_order};

/// A statement that finds many things by their names.
pub(super) trait BatchedRead: 'static {
    type Name: Send + Sync;
    type Found: Send;

    /// An answer to each name, in their order.
    fn find(
        connection: &mut PgConnection,
        names: &[&Self::Name],
    ) -> impl Future<Output = Result<Vec<Result<Self::Found, RepoError>>, RepoError>> + Send;
}

/// Finds things by their names, with whatever else is looked up at the time. An answer is not older than its question.
pub(super) struct BatchedReads<L: BatchedRead> {
    connections: Connections,
    /// Whose statement is under way: one at a time, so that others gather meanwhile.
    in_progress: Arc<Semaphore>,
    queue: Queue<L::Name, L::Found>,
}

/// The most names of one statement.
const MAX_NAMES: usize = 128;

impl<L: BatchedRead> BatchedReads<L> {
    /// Called where tasks can be spawned. The one that it spawns ends when nobody can ask anything any more.
    pub(super) fn new(connections: Connections) -> Self {
        let (queue, asked) = Queue::new();
        let in_progress = Arc::new(Semaphore::new(1));
        tokio::spawn(run::<L>(connections.clone(), in_progress.clone(), asked));
        Self { connections, in_progress, queue }
    }

    pub(super) async fn find(&self, name: L::Name) -> Result<L::Found, RepoError> {
        // Alone, it is done right here; those who wait have the turn before whoever comes now.
        let Ok(_permit) = self.in_progress.try_acquire() else { return self.queue.submit(name).await };
        // Boxed: it would make the future of every request larger, of those too that are found together.
        let found = Box::pin(async { find::<L>(self.connections.take().await?, &[&name]).await }).await?;
        found.into_iter().next().unwrap_or_else(|| Err(RepoError::Backend("a look-up without an answer".into())))
    }
}

async fn run<L: BatchedRead>(
    connections: Connections,
    in_progress: Arc<Semaphore>,
    mut queue: Receiver<Job<L::Name, L::Found>>,
) {
    let mut waiting = Vec::new();
    // Under load, all that came during the last statement go together.
    while queue.recv_many(&mut waiting, MAX_NAMES).await > 0 {
        let _permit = in_progress.acquire().await;
        let connection = match connections.take().await {
            Ok(connection) => connection,
            Err(error) => {
                // All of them have waited for a connection: nobody does so twice.
                fail_all(waiting.drain(..).chain(iter::from_fn(|| queue.try_recv().ok())), error);
                continue;
            }
        };
        let room = MAX_NAMES.saturating_sub(waiting.len());
        waiting.extend(iter::from_fn(|| queue.try_recv().ok()).take(room));
        waiting.retain(|job| !job.is_abandoned());
        let names: Vec<&L::Name> = waiting.iter().map(|job| &job.work).collect();
        match find::<L>(connection, &names).await {
            Ok(found) => {
                for (job, found) in waiting.drain(..).zip(found) {
                    job.respond(found);
                }
            }
            Err(error) => fail_all(waiting.drain(..), error),
        }
    }
}

async fn find<L: BatchedRead>(
    mut connection: ConnectionLease,
    names: &[&L::Name],
) -> Result<Vec<Result<L::Found, RepoError>>, RepoError> {
    let Ok(found) = tokio::time::timeout(SHARED_WORK_TIMEOUT, L::find(&mut connection, names)).await else {
        connection.close();
        return Err(no_answer());
    };
    found.inspect(|_| connection.done())
}
