use std::{
    collections::{HashMap, HashSet},
    iter, mem,
    time::Instant,
};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    app::RepoError,
    domain::{OrderId, TenantId},
    infra::postgres::{
        queue::{Job, fail_all},
        turns::{Sharing, TenantHash, in_turns},
    },
};

use super::{batch::Refusals, change_set::ChangeSet};

pub(super) type PendingCommit = Job<ChangeSet, ()>;

/// The change sets that wait for a transaction, and the batch of the current one.
pub(super) struct CommitQueue {
    receiver: UnboundedReceiver<PendingCommit>,
    /// Those of one tenant are in order of arrival.
    waiting: Vec<PendingCommit>,
    sharing: Sharing,
    /// Batches that are tried again before the waiting ones; the last one is next.
    retries: Vec<Vec<PendingCommit>>,
    batch: Vec<PendingCommit>,
    /// The batch was not tried before.
    is_first_try: bool,
}

/// The maximum number of change sets in one transaction.
const MAX_SETS: usize = 256;

/// A batch with so many events takes no further change set, so that its transaction, and the wait of the next batch, stay
/// short.
const FULL_AT_EVENTS: usize = 4096;

/// The same of one tenant, while others write, too: they wait for this transaction. If more change sets of the others wait, the
/// tenant has as many as they.
const MAX_SETS_OF_TENANT: usize = 16;
const FULL_AT_EVENTS_OF_TENANT: usize = 1024;

impl CommitQueue {
    pub(super) fn new(receiver: UnboundedReceiver<PendingCommit>) -> Self {
        Self {
            receiver,
            waiting: Vec::new(),
            sharing: Sharing::default(),
            retries: Vec::new(),
            batch: Vec::new(),
            is_first_try: true,
        }
    }

    /// Waits until there is something to write. `false` when nothing can come any more.
    pub(super) async fn wait_for_work(&mut self) -> bool {
        !self.retries.is_empty()
            || !self.waiting.is_empty()
            || self.receiver.recv_many(&mut self.waiting, MAX_SETS).await > 0
    }

    /// Nothing waits now.
    pub(super) fn is_empty(&self) -> bool {
        self.retries.is_empty() && self.waiting.is_empty() && self.receiver.is_empty()
    }

    /// The change sets of the current transaction. Whoever writes them gives them back with `put_back`.
    pub(super) fn take_batch(&mut self) -> Vec<PendingCommit> {
        mem::take(&mut self.batch)
    }

    pub(super) fn put_back(&mut self, batch: Vec<PendingCommit>) {
        self.batch = batch;
    }

    /// When the change sets of the batch were queued; nothing for a batch that is tried again.
    pub(super) fn queued_at(&self) -> impl Iterator<Item = Instant> {
        self.batch.iter().filter(|_| self.is_first_try).map(|job| job.queued_at)
    }

    /// Makes the next change sets the batch. `false` if there are none whose callers still wait.
    pub(super) fn advance(&mut self) -> bool {
        self.is_first_try = self.retries.is_empty();
        self.batch = self.retries.pop().unwrap_or_else(|| {
            self.waiting.extend(iter::from_fn(|| self.receiver.try_recv().ok()));
            self.waiting.retain(|job| !job.is_abandoned());
            // Also of a few: a batch may be full of the events of one.
            in_turns(&mut self.waiting, |job| job.tenant);
            let is_shared = self.sharing.serve(self.waiting.iter().map(|job| job.tenant));
            next_batch(&mut self.waiting, is_shared)
        });
        !self.batch.is_empty()
    }

    /// The batch is committed, except for the refused change sets; returns the committed ones. Also refuses the waiting
    /// change sets that have lost a race to them.
    pub(super) fn committed(&mut self, refusals: &Refusals) -> Vec<PendingCommit> {
        let committed = refuse(self.take_batch(), refusals);
        refuse_overtaken(&mut self.waiting, &committed);
        committed
    }

    /// The batch was rolled back: tries the change sets that are not refused again.
    pub(super) fn retry(&mut self, refusals: &Refusals) {
        let others = refuse(self.take_batch(), refusals);
        if !others.is_empty() {
            self.retries.push(others);
        }
    }

    /// The transaction of the batch failed.
    pub(super) fn fail(&mut self, error: RepoError) {
        let mut batch = self.take_batch();
        match error {
            // One change set is the cause. Each half is tried alone until it is found.
            RepoError::Backend(_) | RepoError::NewerRelease(_) | RepoError::Conflict | RepoError::KeyTaken
                if batch.len() > 1 =>
            {
                let second = batch.split_off(batch.len() / 2);
                self.retries.extend([second, batch]);
            }
            RepoError::Backend(_) | RepoError::NewerRelease(_) | RepoError::Conflict | RepoError::KeyTaken => {
                fail_all(batch, error);
            }
            // The batches to retry have waited through one failed transaction already.
            RepoError::Unavailable(_) => fail_all(batch.into_iter().chain(self.retries.drain(..).flatten()), error),
        }
    }

    /// Fails every change set that was taken from the channel.
    pub(super) fn fail_taken(&mut self, error: RepoError) {
        let retries = self.retries.drain(..).flatten();
        fail_all(mem::take(&mut self.batch).into_iter().chain(retries).chain(self.waiting.drain(..)), error);
    }

    /// There is no connection. Every change set has waited for one, so none waits a second time.
    pub(super) fn fail_everything(&mut self, error: RepoError) {
        self.waiting.extend(iter::from_fn(|| self.receiver.try_recv().ok()));
        self.fail_taken(error);
    }
}

/// Responds to the refused change sets of a batch; returns the other ones.
pub(super) fn refuse(batch: Vec<PendingCommit>, refusals: &Refusals) -> Vec<PendingCommit> {
    let mut others = Vec::with_capacity(batch.len());
    for (n, job) in batch.into_iter().enumerate() {
        match refusals.get(&n) {
            Some(refusal) => job.respond(Err((*refusal).into())),
            None => others.push(job),
        }
    }
    others
}

/// Takes the first change sets that can share a transaction. A change set stays if one before it claims the same order or
/// key. While tenants share the queue, none fills the batch.
fn next_batch(waiting: &mut Vec<PendingCommit>, is_shared: bool) -> Vec<PendingCommit> {
    let (mut claimed, mut all) = (HashSet::<u64>::new(), Taken::default());
    let mut of_tenants = HashMap::<TenantHash, Taken>::new();
    let mut waiting_of = HashMap::<TenantHash, usize>::new();
    if is_shared {
        for job in waiting.iter() {
            *waiting_of.entry(job.tenant).or_default() += 1;
        }
    }
    let all_waiting = waiting.len();
    let is_next = |job: &mut PendingCommit| {
        let is_free = !job.work.claims().iter().any(|claim| claimed.contains(claim));
        let mut is_next = is_free && all.has_room(MAX_SETS, FULL_AT_EVENTS);
        if is_next && is_shared {
            let others = all_waiting - waiting_of.get(&job.tenant).unwrap_or(&0);
            let of_tenant = of_tenants.entry(job.tenant).or_default();
            is_next = of_tenant.has_room(others.max(MAX_SETS_OF_TENANT), FULL_AT_EVENTS_OF_TENANT);
            if is_next {
                of_tenant.add(&job.work);
            }
        }
        if is_next {
            all.add(&job.work);
        }
        // Also the claims of those that stay: none that came later may overtake them.
        claimed.extend(job.work.claims());
        is_next
    };
    waiting.extract_if(.., is_next).collect()
}

/// What a batch has already.
#[derive(Default)]
struct Taken {
    sets: usize,
    events: usize,
}

impl Taken {
    const fn has_room(&self, max_sets: usize, full_at_events: usize) -> bool {
        self.sets < max_sets && self.events < full_at_events
    }

    fn add(&mut self, set: &ChangeSet) {
        self.sets += 1;
        self.events += set.staged_events().count();
    }
}

/// Refuses the change sets that read an order before this version was committed, or that have a committed key.
fn refuse_overtaken(waiting: &mut Vec<PendingCommit>, committed: &[PendingCommit]) {
    if waiting.is_empty() {
        return;
    }
    let changes = committed.iter().flat_map(|job| job.work.tenant_changes());
    let versions: HashMap<(&TenantId, OrderId), u32> =
        changes.map(|(tenant, changes)| ((tenant, changes.state.order_id), changes.state.version)).collect();
    let is_overtaken = |job: &mut PendingCommit| {
        let version = |(tenant, id)| versions.get(&(tenant, id)).copied().unwrap_or(0);
        job.work.tenant_changes().any(|(tenant, changes)| changes.read_at() < version((tenant, changes.state.order_id)))
    };
    fail_all(waiting.extract_if(.., is_overtaken), RepoError::Conflict);
    let keys: HashSet<_> = committed.iter().flat_map(|job| job.work.key_names()).collect();
    let has_taken_key = |job: &mut PendingCommit| job.work.key_names().any(|name| keys.contains(&name));
    fail_all(waiting.extract_if(.., has_taken_key), RepoError::KeyTaken);
}
