//! Group commit: the change sets that arrive while one transaction runs are written together by the next one.

mod batch;
mod change_set;
mod columns;
mod commit_queue;
#[cfg(test)]
mod commit_queue_tests;
mod inserts;
mod item_changes;
mod order_locks;
mod orders;
mod peers;
mod writer;

pub(super) use batch::write;
pub(super) use change_set::ChangeSet;
pub(super) use order_locks::OrderLocks;
pub(super) use writer::{GroupCommit, start};
