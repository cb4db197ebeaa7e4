//! A group commit that a test holds in its transaction, and the commits that wait for it.

use std::{future::poll_fn, pin::Pin, task::Poll};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use orders::{
    app::{KeyRecord, KeyedRequest, Outcome, RepoError, UnitOfWork},
    domain::Order,
    infra::PgStore,
};
use sqlx::{PgConnection, query_scalar};
use tokio::task::JoinHandle;

use crate::{
    setup::{id, order_with_lines, save, tenant},
    support::{Database, eventually},
};

/// A store whose group commit is held in its first transaction. Commits that come in the meantime wait for the next one.
pub(super) struct HeldGroupCommit {
    pub(super) store: PgStore,
    pub(super) head: PgConnection,
    pub(super) observer: PgConnection,
    pub(super) first: JoinHandle<Result<(), RepoError>>,
}

const FIRST: u64 = 1_000_000;

impl HeldGroupCommit {
    pub(super) async fn new(database: &Database, store: PgStore) -> Self {
        let (mut head, mut observer) = (database.connect().await, database.connect().await);
        sqlx::raw_sql("begin; select position from event_head for update").execute(&mut head).await.unwrap();
        let first = tokio::spawn({
            let store = store.clone();
            async move { save(&store, &tenant("default"), order_with_lines(FIRST, 0)).await }
        });
        waiting_backend(&mut observer).await;
        Self { store, head, observer, first }
    }

    pub(super) async fn release(&mut self) {
        sqlx::raw_sql("rollback").execute(&mut self.head).await.unwrap();
    }
}

/// The session that waits for a lock.
pub(super) async fn waiting_backend(observer: &mut PgConnection) -> i32 {
    eventually("the group commit waits for a lock", async || {
        let waiting =
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        query_scalar(waiting).fetch_optional(&mut *observer).await.unwrap()
    })
    .await
}

pub(super) type Commits = Pin<Box<dyn Future<Output = Vec<Result<(), RepoError>>> + Send>>;

/// Polls each commit once, so that its change set is in the queue, in this order.
pub(super) async fn hand_over(commits: Vec<BoxFuture<'static, Result<(), RepoError>>>) -> Commits {
    let mut commits: Commits = Box::pin(join_all(commits));
    let polled = poll_fn(|context| Poll::Ready(commits.as_mut().poll(context))).await;
    assert!(polled.is_pending(), "the group commit is held");
    commits
}

pub(super) fn create(store: &PgStore, order: Order) -> BoxFuture<'static, Result<(), RepoError>> {
    let store = store.clone();
    async move { save(&store, &tenant("default"), order).await }.boxed()
}

pub(super) fn creates(
    store: &PgStore,
    numbers: impl Iterator<Item = u64>,
) -> Vec<BoxFuture<'static, Result<(), RepoError>>> {
    numbers.map(|n| create(store, order_with_lines(n, 1))).collect()
}

pub(super) async fn stored(observer: &mut PgConnection) -> i64 {
    query_scalar("select count(*) from orders").fetch_one(observer).await.unwrap()
}

/// The session of another instance, in the transaction that takes the key `key`.
pub(super) async fn taking_key(database: &Database) -> PgConnection {
    let mut other = database.connect().await;
    let takes = "begin;
        insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
        values ('default', 'caller', 'key', 0, sha256(''), gen_random_uuid(), 1, now())";
    sqlx::raw_sql(takes).execute(&mut other).await.unwrap();
    other
}

/// Creates these orders in one unit of work, with a key for each.
pub(super) fn keyed(store: &PgStore, numbers: &[u64], keys: &[&str]) -> BoxFuture<'static, Result<(), RepoError>> {
    let (store, numbers) = (store.clone(), numbers.to_vec());
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    async move {
        let mut uow = store.begin(&tenant("default"), None);
        for (n, key) in numbers.into_iter().zip(keys) {
            uow.save(order_with_lines(n, 0))?;
            let request = KeyedRequest { caller: "caller".to_owned(), key, fingerprint: [1; 32] };
            let outcome = Outcome { batch_index: 0, order_id: id(n), version: 1 };
            uow.save_key(KeyRecord { request, outcome });
        }
        uow.commit().await
    }
    .boxed()
}

pub(super) fn outcome(settled: &Result<(), RepoError>) -> &'static str {
    match settled {
        Ok(()) => "kept",
        Err(RepoError::Conflict) => "conflict",
        Err(RepoError::KeyTaken) => "taken",
        Err(RepoError::Unavailable(_)) => "unavailable",
        Err(RepoError::Backend(_) | RepoError::NewerRelease(_)) => "failed",
    }
}
