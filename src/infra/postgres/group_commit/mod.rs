//! How commits share transactions: change sets that are handed over while one transaction is under way are written together
//! by the next one.

mod batch;
mod change_set;
mod commit_queue;
mod inserts;
mod item_changes;
mod order_locks;
mod orders;
mod peers;
mod writer;

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use tokio::sync::Notify;

use crate::infra::observability::Metrics;

use super::{connection::Connections, queue::Queue, recent::RecentEvents};

pub(super) use batch::write;
pub(super) use change_set::{ChangeSet, TenantEvent};
pub(super) use order_locks::OrderLocks;

/// Takes change sets and answers each when it is committed, or why it is not. It has one connection and one transaction at a
/// time.
pub(super) type GroupCommit = Queue<ChangeSet, ()>;

/// Opens the lane. It ends when nobody can hand anything over any more.
pub(super) fn start(connections: Connections, listeners: Listeners) -> GroupCommit {
    let (queue, receiver) = Queue::new();
    tokio::spawn(writer::Writer { connections, listeners }.run(receiver));
    queue
}

/// Who hears of a transaction that was committed.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    /// Wakes who follows the log.
    pub(super) news: Arc<Notify>,
    pub(super) recent: RecentEvents,
    pub(super) metrics: Arc<OnceLock<Metrics>>,
}

impl Listeners {
    /// A transaction begins with sets that have waited since then.
    fn batch_begun(&self, since: impl Iterator<Item = Instant>) {
        if let Some(metrics) = self.metrics.get() {
            metrics.commit_waited(since.map(|since| since.elapsed()));
        }
    }

    /// `first` is the position of their first event.
    pub(super) fn committed<'a>(&self, first: u64, sets: impl Iterator<Item = &'a ChangeSet> + Clone) {
        self.recent.committed(first, sets.clone().flat_map(ChangeSet::tenant_events));
        self.news.notify_one();
        if let Some(metrics) = self.metrics.get() {
            let types = sets.clone().flat_map(ChangeSet::tenant_events).map(|(_, event, _)| event.kind.event_type());
            metrics.committed(sets.count(), first, types);
        }
    }
}
