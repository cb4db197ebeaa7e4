use std::{
    collections::{HashMap, HashSet},
    iter, mem,
    time::Instant,
};

use tokio::sync::mpsc::Receiver;

use crate::{
    app::RepoError,
    domain::{OrderId, TenantId},
    infra::postgres::queue::{Job, fail_all},
};

use super::{ChangeSet, batch::Refusals};

pub(super) type PendingCommit = Job<ChangeSet, ()>;

/// Who waits for a transaction, and who is in the one that is under way.
pub(super) struct CommitQueue {
    receiver: Receiver<PendingCommit>,
    /// In the order in which they came.
    waiting: Vec<PendingCommit>,
    /// What is tried once more, before those who wait. The last one is next.
    again: Vec<Vec<PendingCommit>>,
    batch: Vec<PendingCommit>,
    /// The batch is tried for the first time.
    is_fresh: bool,
}

/// The most change sets of one transaction.
const MAX_SETS: usize = 256;

/// A transaction takes no further set once it has so many events: it stays short, and so does the wait of the next ones.
const FULL_AT_EVENTS: usize = 4096;

impl CommitQueue {
    pub(super) const fn new(receiver: Receiver<PendingCommit>) -> Self {
        Self { receiver, waiting: Vec::new(), again: Vec::new(), batch: Vec::new(), is_fresh: true }
    }

    /// Waits until somebody waits. Not so when nobody can come any more.
    pub(super) async fn wait_for_work(&mut self) -> bool {
        !self.again.is_empty()
            || !self.waiting.is_empty()
            || self.receiver.recv_many(&mut self.waiting, MAX_SETS).await > 0
    }

    /// Whether nobody waits now.
    pub(super) fn is_empty(&self) -> bool {
        self.again.is_empty() && self.waiting.is_empty() && self.receiver.is_empty()
    }

    /// Those who are in the transaction that is under way.
    pub(super) fn batch(&self) -> &[PendingCommit] {
        &self.batch
    }

    /// Since when those of the batch have waited, unless it was tried before.
    pub(super) fn queued_at(&self) -> impl Iterator<Item = Instant> {
        self.batch.iter().filter(|_| self.is_fresh).map(|job| job.queued_at)
    }

    /// The next ones are the batch, if there are any that still want to be written.
    pub(super) fn advance(&mut self) -> bool {
        self.is_fresh = self.again.is_empty();
        self.batch = self.again.pop().unwrap_or_else(|| {
            let room = MAX_SETS.saturating_sub(self.waiting.len());
            self.waiting.extend(iter::from_fn(|| self.receiver.try_recv().ok()).take(room));
            self.waiting.retain(|job| !job.is_abandoned());
            next_batch(&mut self.waiting)
        });
        !self.batch.is_empty()
    }

    /// The batch is written, but for those who are refused. Whoever waits and has lost a race to it is refused too.
    pub(super) fn written(&mut self, refusals: &Refusals) -> Vec<PendingCommit> {
        let written = self.refuse(refusals);
        refuse_overtaken(&mut self.waiting, &written);
        written
    }

    /// The batch is not written: those who are not refused are tried again.
    pub(super) fn retry(&mut self, refusals: &Refusals) {
        let others = self.refuse(refusals);
        if !others.is_empty() {
            self.again.push(others);
        }
    }

    /// Takes the batch out, and answers those who are refused; the others.
    fn refuse(&mut self, refusals: &Refusals) -> Vec<PendingCommit> {
        let mut others = Vec::with_capacity(self.batch.len());
        for (n, job) in self.batch.drain(..).enumerate() {
            match refusals.get(&n) {
                Some(refusal) => job.respond(Err((*refusal).into())),
                None => others.push(job),
            }
        }
        others
    }

    /// The transaction of the batch has failed.
    pub(super) fn fail(&mut self, error: RepoError) {
        let mut batch = mem::take(&mut self.batch);
        match error {
            // Whose fault it is shows when each half is tried by itself.
            RepoError::Backend(_) | RepoError::Conflict | RepoError::KeyTaken if batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                self.again.extend([second, batch]);
            }
            RepoError::Backend(_) | RepoError::Conflict | RepoError::KeyTaken => fail_all(batch, error),
            // What was not tried yet has waited long enough.
            RepoError::Unavailable(_) => fail_all(batch.into_iter().chain(self.again.drain(..).flatten()), error),
        }
    }

    /// There is no connection, and all have waited for it: nobody does so twice.
    pub(super) fn fail_everything(&mut self, error: RepoError) {
        let queued = iter::from_fn(|| self.receiver.try_recv().ok());
        fail_all(self.again.drain(..).flatten().chain(self.waiting.drain(..)).chain(queued), error);
    }
}

/// Takes the first ones out of those that wait, and leaves those that touch an order or a key of one ahead of them.
fn next_batch(waiting: &mut Vec<PendingCommit>) -> Vec<PendingCommit> {
    let (mut claimed, mut events) = (HashSet::<u64>::new(), 0);
    let is_next = |job: &mut PendingCommit| {
        let is_next = events < FULL_AT_EVENTS && !job.work.claims().iter().any(|claim| claimed.contains(claim));
        // Whether it goes or stays, none behind it comes before it.
        claimed.extend(job.work.claims());
        events += if is_next { job.work.tenant_events().count() } else { 0 };
        is_next
    };
    waiting.extract_if(.., is_next).collect()
}

/// Those that have read an order as it was before it was written, or have a key that was written.
fn refuse_overtaken(waiting: &mut Vec<PendingCommit>, written: &[PendingCommit]) {
    if waiting.is_empty() {
        return;
    }
    let changes = written.iter().flat_map(|job| job.work.tenant_changes());
    let versions: HashMap<(&TenantId, OrderId), u32> =
        changes.map(|(tenant, changes)| ((tenant, changes.state.order_id), changes.state.version)).collect();
    let is_overtaken = |job: &mut PendingCommit| {
        let version = |(tenant, id)| versions.get(&(tenant, id)).copied().unwrap_or(0);
        job.work.tenant_changes().any(|(tenant, changes)| changes.read_at() < version((tenant, changes.state.order_id)))
    };
    fail_all(waiting.extract_if(.., is_overtaken), RepoError::Conflict);
    let keys: HashSet<_> = written.iter().flat_map(|job| job.work.key_names()).collect();
    let has_taken_key = |job: &mut PendingCommit| job.work.key_names().any(|name| keys.contains(&name));
    fail_all(waiting.extract_if(.., has_taken_key), RepoError::KeyTaken);
}
