//! How reads share statements: what is looked up while one statement is under way is found together by the next one.

mod keys;
mod orders;

use std::{iter, mem};

use sqlx::PgConnection;
use tokio::sync::mpsc::Receiver;

use crate::app::RepoError;

use super::{
    connections::{Connections, DEADLINE, Lent, unanswered},
    queue::{Job, Queue, answer_all},
};

pub(super) use keys::{KeyLookup, KeyName};
pub(super) use orders::{FoundOrder, OrderLookup, OrderName, select_order};

/// A statement that finds many things by their names.
pub(super) trait Lookup: 'static {
    type Name: Send + Sync;
    type Found: Send;

    /// An answer to each name, in their order.
    fn find(
        connection: &mut PgConnection,
        names: &[&Self::Name],
    ) -> impl Future<Output = Result<Vec<Result<Self::Found, RepoError>>, RepoError>> + Send;
}

/// Finds things by their names, with whatever else is looked up at the time. An answer is not older than its question.
pub(super) type Lookups<L> = Queue<<L as Lookup>::Name, <L as Lookup>::Found>;

/// The most names of one statement.
const MOST_NAMES: usize = 128;

/// Opens the queue. It ends when nobody can ask anything any more.
pub(super) fn open<L: Lookup>(connections: Connections) -> Lookups<L> {
    let (lookups, queue) = Queue::new();
    tokio::spawn(run::<L>(connections, queue));
    lookups
}

async fn run<L: Lookup>(connections: Connections, mut queue: Receiver<Job<L::Name, L::Found>>) {
    let mut waiting = Vec::new();
    // Alone, a name waits for nobody; under load, all that came during the last statement go together.
    while queue.recv_many(&mut waiting, MOST_NAMES).await > 0 {
        let connection = match connections.take().await {
            Ok(connection) => connection,
            Err(error) => {
                // All of them have waited for a connection: nobody does so twice.
                answer_all(waiting.drain(..).chain(iter::from_fn(|| queue.try_recv().ok())), error);
                continue;
            }
        };
        let room = MOST_NAMES.saturating_sub(waiting.len());
        waiting.extend(iter::from_fn(|| queue.try_recv().ok()).take(room));
        waiting.retain(|job| !job.is_abandoned());
        answer::<L>(connection, mem::take(&mut waiting)).await;
    }
}

async fn answer<L: Lookup>(mut connection: Lent, jobs: Vec<Job<L::Name, L::Found>>) {
    let names: Vec<&L::Name> = jobs.iter().map(|job| &job.work).collect();
    let Ok(found) = tokio::time::timeout(DEADLINE, L::find(&mut connection, &names)).await else {
        connection.close();
        return answer_all(jobs, unanswered());
    };
    match found {
        Ok(found) => {
            connection.done();
            for (job, found) in jobs.into_iter().zip(found) {
                job.answer(found);
            }
        }
        Err(error) => answer_all(jobs, error),
    }
}
