use std::{
    collections::{HashMap, HashSet},
    iter,
};

use sqlx::Connection;
use tokio::sync::mpsc::Receiver;

use crate::{
    app::RepoError,
    domain::{OrderId, TenantId},
    infra::postgres::{
        connections::{Connections, DEADLINE, Lent, unanswered},
        errors::{commit_error, repo_error},
        queue::{Job, answer_all},
    },
};

use super::{ChangeSet, Gate, Listeners, Written, write};

/// The task behind the lane.
pub(super) struct Writer {
    pub(super) connections: Connections,
    pub(super) listeners: Listeners,
    pub(super) gate: Gate,
}

type Waiting = Job<ChangeSet, ()>;

/// The most change sets of one transaction.
const MOST_SETS: usize = 256;

/// A transaction takes no further set once it has so many events: it stays short, and so does the wait of the next ones.
const ENOUGH_EVENTS: usize = 4096;

/// How many are told before the lane has a turn on the thread.
const TOLD_AT_ONCE: usize = 16;

impl Writer {
    pub(super) async fn run(self, mut queue: Receiver<Waiting>) {
        let mut waiting = Vec::new();
        // Alone, a set waits for nobody; under load, all that came during the last transaction goes together.
        while !waiting.is_empty() || queue.recv_many(&mut waiting, MOST_SETS).await > 0 {
            if let Err(error) = self.connections.take().await.map(Lent::done) {
                // All of them have waited for a connection: nobody does so twice.
                answer_all(waiting.drain(..).chain(iter::from_fn(|| queue.try_recv().ok())), error);
                continue;
            }
            let room = MOST_SETS.saturating_sub(waiting.len());
            waiting.extend(iter::from_fn(|| queue.try_recv().ok()).take(room));
            waiting.retain(|job| !job.is_abandoned());
            let batch = next_batch(&mut waiting);
            self.listeners.begun(batch.iter().map(|job| job.since));
            self.settle(batch, &mut waiting).await;
        }
    }

    /// Answers each of the batch, and whoever else has lost a race to it.
    async fn settle(&self, batch: Vec<Waiting>, waiting: &mut Vec<Waiting>) {
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.transact(&batch).await {
                Ok(Written { refusals, is_spoilt, first_position }) => {
                    let mut held = Vec::with_capacity(batch.len());
                    for (n, job) in batch.into_iter().enumerate() {
                        match refusals.get(&n) {
                            Some(refusal) => job.answer(Err((*refusal).into())),
                            None => held.push(job),
                        }
                    }
                    if is_spoilt {
                        batches.push(held);
                    } else if !held.is_empty() {
                        refuse_overtaken(waiting, &held);
                        tokio::spawn(tell(self.listeners.clone(), first_position, held));
                    }
                }
                // Whose fault it is shows when each half is tried by itself.
                Err(RepoError::Backend(_) | RepoError::Conflict | RepoError::KeyTaken) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    batches.extend([second, batch]);
                }
                Err(error @ (RepoError::Backend(_) | RepoError::Conflict | RepoError::KeyTaken)) => {
                    answer_all(batch, error);
                }
                // What was not tried yet has waited long enough.
                Err(error @ RepoError::Unavailable(_)) => {
                    answer_all(batch.into_iter().chain(batches.drain(..).flatten()), error);
                }
            }
        }
    }

    async fn transact(&self, batch: &[Waiting]) -> Result<Written, RepoError> {
        let mut connection = self.connections.take().await?;
        let sets: Vec<&ChangeSet> = batch.iter().map(|job| &job.work).collect();
        let transaction = async {
            let gate = self.gate.close();
            let mut transaction = connection.begin().await.map_err(repo_error)?;
            let written = write(&mut transaction, &sets).await?;
            if written.is_spoilt {
                transaction.rollback().await.map_err(repo_error)?;
                return Ok(written);
            }
            drop(gate);
            transaction.commit().await.map_err(commit_error)?;
            Ok(written)
        };
        let Ok(settled) = tokio::time::timeout(DEADLINE, transaction).await else {
            connection.close();
            return Err(unanswered());
        };
        settled.inspect(|_| connection.done())
    }
}

/// Tells all who wait for a transaction that was committed. The next one begins meanwhile.
async fn tell(listeners: Listeners, first_position: Option<u64>, held: Vec<Waiting>) {
    listeners.committed(first_position, held.iter().map(|job| &job.work));
    for (n, mut job) in (1..).zip(held) {
        job.work.leave_states();
        job.answer(Ok(()));
        if n % TOLD_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Takes the first ones out of those that wait, and leaves those that touch an order or a key of one ahead of them.
fn next_batch(waiting: &mut Vec<Waiting>) -> Vec<Waiting> {
    let (mut claimed, mut events) = (HashSet::new(), 0);
    let is_next = |job: &mut Waiting| {
        let is_next = events < ENOUGH_EVENTS && !job.work.claims().any(|claim| claimed.contains(&claim));
        // Whether it goes or stays, none behind it comes before it.
        claimed.extend(job.work.claims());
        events += if is_next { job.work.owned_events().count() } else { 0 };
        is_next
    };
    waiting.extract_if(.., is_next).collect()
}

/// Those that have read an order as it was before it was written, or have a key that was written.
fn refuse_overtaken(waiting: &mut Vec<Waiting>, written: &[Waiting]) {
    if waiting.is_empty() {
        return;
    }
    let changes = written.iter().flat_map(|job| job.work.owned_changes());
    let versions: HashMap<(&TenantId, OrderId), u32> =
        changes.map(|(tenant, changes)| ((tenant, changes.state.order_id), changes.state.version)).collect();
    let is_overtaken = |job: &mut Waiting| {
        let version = |(tenant, id)| versions.get(&(tenant, id)).copied().unwrap_or(0);
        job.work.owned_changes().any(|(tenant, changes)| changes.read_at() < version((tenant, changes.state.order_id)))
    };
    answer_all(waiting.extract_if(.., is_overtaken), RepoError::Conflict);
    let keys: HashSet<_> = written.iter().flat_map(|job| job.work.key_names()).collect();
    let has_taken_key = |job: &mut Waiting| job.work.key_names().any(|name| keys.contains(&name));
    answer_all(waiting.extract_if(.., has_taken_key), RepoError::KeyTaken);
}
