//! Commits that share a transaction: what becomes of one is nothing to the others.

use std::{future::poll_fn, pin::Pin, process::Command, task::Poll, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use orders::{
    app::{IdempotencyKeys, KeyRecord, KeyedRequest, Lock, Outcome, RepoError, UnitOfWork},
    domain::Order,
    infra::PgStore,
};
use sqlx::{AssertSqlSafe, PgConnection, query_scalar};
use tokio::task::JoinHandle;

use super::{
    add_line, change, created_at, id, order_with_lines, save, state,
    support::{Database, eventually},
    tenant,
    verify::verified,
};

/// A store whose lane is kept in its transaction: what is handed over meanwhile waits for the next one.
pub(super) struct HeldGroupCommit {
    pub(super) store: PgStore,
    head: PgConnection,
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

/// The session that waits for the head of the log.
pub(super) async fn waiting_backend(observer: &mut PgConnection) -> i32 {
    eventually("the lane waits for the head", async || {
        let waiting =
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        query_scalar(waiting).fetch_optional(&mut *observer).await.unwrap()
    })
    .await
}

pub(super) type Commits = Pin<Box<dyn Future<Output = Vec<Result<(), RepoError>>> + Send>>;

/// Polls each once: by then its change set is in the queue, in this order.
pub(super) async fn hand_over(commits: Vec<BoxFuture<'static, Result<(), RepoError>>>) -> Commits {
    let mut commits: Commits = Box::pin(join_all(commits));
    let polled = poll_fn(|context| Poll::Ready(commits.as_mut().poll(context))).await;
    assert!(polled.is_pending(), "the lane is held");
    commits
}

fn create(store: &PgStore, order: Order) -> BoxFuture<'static, Result<(), RepoError>> {
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

#[tokio::test]
async fn a_poisoned_change_set_is_refused_and_255_good_ones_beside_it_are_written() {
    // Found out by its statement, and not before the transaction commits.
    for trigger in [
        "trigger poisoned after insert on orders",
        "constraint trigger poisoned after insert on orders deferrable initially deferred",
    ] {
        let database = Database::new().await;
        let poison = format!(
            "create function refuse() returns trigger language plpgsql as 'begin raise exception ''poison''; end';
            create {trigger} for each row when (new.customer_id = 'poison') execute function refuse()"
        );
        sqlx::raw_sql(AssertSqlSafe(poison)).execute(&mut database.connect().await).await.unwrap();
        let mut held = HeldGroupCommit::new(&database, database.store()).await;
        let poisoned =
            Order::create(id(0), "poison".parse().unwrap(), "EUR".parse().unwrap(), super::stamp(created_at(0)));
        let mut commits = creates(&held.store, 1..=255);
        commits.insert(100, create(&held.store, poisoned));
        let commits = hand_over(commits).await;
        held.release().await;

        let settled = commits.await;
        assert!(matches!(settled[100], Err(RepoError::Backend(_))), "{:?}", settled[100]);
        assert_eq!(settled.iter().filter(|settled| settled.is_ok()).count(), 255);
        held.first.await.unwrap().unwrap();
        assert_eq!(stored(&mut held.observer).await, 256);
        let transactions: i64 =
            query_scalar("select count(distinct xmin::text) from orders").fetch_one(&mut held.observer).await.unwrap();
        // The first one, and a half at each step of the search.
        assert!(transactions <= 10, "they were written in {transactions} transactions");
        assert!(verified(&database).await.is_clean());
    }
}

#[tokio::test]
async fn a_lost_race_or_a_taken_key_is_nothing_to_the_others_of_the_transaction() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    keyed(&store, &[4], &["taken"]).await.unwrap();
    // Two who have read the same version, and one who changes two orders of which one has moved on since.
    let [first, second, stale] =
        [add_lines(&store, &[1]).await, add_lines(&store, &[1]).await, add_lines(&store, &[2, 3]).await];
    change(&store, id(3), "MOUSE456").await.unwrap();

    let mut held = HeldGroupCommit::new(&database, store.clone()).await;
    let commits = hand_over(vec![
        create(&store, order_with_lines(10, 2)),
        first,
        second,
        stale,
        keyed(&store, &[11], &["taken"]),
        keyed(&store, &[12], &["fresh"]),
        keyed(&store, &[13], &["fresh"]),
        // One of its keys is free, and must be free afterwards.
        keyed(&store, &[14, 15], &["left alone", "taken"]),
        create(&store, order_with_lines(1, 0)),
        create(&store, order_with_lines(16, 2)),
    ]);
    let commits = commits.await;
    held.release().await;
    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!(
        settled,
        ["kept", "kept", "conflict", "conflict", "taken", "kept", "taken", "taken", "conflict", "kept"]
    );

    keyed(&store, &[17], &["left alone"]).await.unwrap();
    let mut versions = Vec::new();
    for n in 1..=3 {
        versions.push(state(&store, &tenant("default"), id(n)).await.unwrap().version);
    }
    assert_eq!(versions, [3, 2, 3]);
    assert_eq!(stored(&mut held.observer).await, 4 + 1 + 3 + 1);
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn changes_of_one_order_are_written_in_the_order_in_which_they_came_and_each_version_once() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let mut commits = Vec::new();
    for _ in 0..20 {
        commits.push(add_lines(&store, &[1]).await);
    }
    let mut held = HeldGroupCommit::new(&database, store.clone()).await;
    let commits = hand_over(commits).await;
    held.release().await;
    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!((settled[0], &settled[1..]), ("kept", &["conflict"; 19][..]));
    assert_eq!(state(&store, &tenant("default"), id(1)).await.unwrap().version, 2);
    // Nobody is left who waits for a turn.
    change(&store, id(1), "MOUSE456").await.unwrap();
}

#[tokio::test]
async fn who_gives_up_before_the_transaction_has_written_nothing_and_the_others_everything() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    // Gives up while its transaction is under way: nobody knows what becomes of it, and nobody else is concerned.
    held.first.abort();
    let given_up = hand_over(creates(&held.store, 1..=10)).await;
    let commits = hand_over(creates(&held.store, 11..=30)).await;
    drop(given_up);
    held.release().await;
    assert!(commits.await.iter().all(Result::is_ok));
    for n in 1..=10 {
        assert_eq!(state(&held.store, &tenant("default"), id(n)).await, None);
    }
    assert_eq!(stored(&mut held.observer).await, 21);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn when_too_many_wait_the_next_one_is_refused_at_once_and_those_who_wait_are_not() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    let mut commits = hand_over(creates(&held.store, 1..=5000)).await;
    let refused = create(&held.store, order_with_lines(6000, 1)).await;
    assert!(matches!(refused, Err(RepoError::Unavailable(_))), "{refused:?}");
    held.release().await;
    let settled = (&mut commits).await;
    let kept = settled.iter().take_while(|settled| settled.is_ok()).count();
    assert!((1000..5000).contains(&kept), "{kept} were kept");
    assert!(settled[kept..].iter().all(|settled| matches!(settled, Err(RepoError::Unavailable(_)))));
    assert_eq!(stored(&mut held.observer).await, 1 + i64::try_from(kept).unwrap());
    // There is room again.
    create(&held.store, order_with_lines(6000, 1)).await.unwrap();
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_connection_that_is_killed_in_the_transaction_is_told_to_its_waiters_alone() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    let commits = hand_over(creates(&held.store, 1..=20)).await;
    let backend = waiting_backend(&mut held.observer).await;
    let killed: bool =
        query_scalar("select pg_terminate_backend($1)").bind(backend).fetch_one(&mut held.observer).await.unwrap();
    assert!(killed);
    let told = held.first.await.unwrap();
    assert!(matches!(told, Err(RepoError::Unavailable(_))), "{told:?}");
    sqlx::raw_sql("rollback").execute(&mut held.head).await.unwrap();
    let settled = commits.await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    assert_eq!(stored(&mut held.observer).await, 20);
    assert!(verified(&database).await.is_clean());
}

/// Another instance in the transaction that takes the caller's key `key`.
pub(super) async fn taking_key(database: &Database) -> PgConnection {
    let mut other = database.connect().await;
    let takes = "begin;
        insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
        values ('default', 'caller', 'key', 0, sha256(''), gen_random_uuid(), 1, now())";
    sqlx::raw_sql(takes).execute(&mut other).await.unwrap();
    other
}

#[tokio::test]
async fn a_key_that_another_instance_takes_at_the_same_moment_is_taken_and_the_others_are_kept() {
    let database = Database::new().await;
    let (mut other, mut observer) = (taking_key(&database).await, database.connect().await);
    let store = database.store();
    let mut commits = creates(&store, 1..=9);
    commits.insert(3, keyed(&store, &[10], &["key"]));
    let commits = tokio::spawn(hand_over(commits).await);
    waiting_backend(&mut observer).await;
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    let settled: Vec<_> = commits.await.unwrap().iter().map(outcome).collect();
    assert_eq!(settled[3], "taken");
    assert_eq!(settled.iter().filter(|outcome| **outcome == "kept").count(), 9);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_transaction_that_waits_for_a_key_keeps_nobody_from_the_head() {
    let database = Database::new().await;
    let (mut other, mut observer) = (taking_key(&database).await, database.connect().await);
    let commit = tokio::spawn(keyed(&database.store(), &[1], &["key"]));
    waiting_backend(&mut observer).await;
    // What keeps the key may want the head next.
    sqlx::raw_sql("select position from event_head for update nowait").execute(&mut other).await.unwrap();
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    commit.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transaction_that_cannot_go_on_keeps_no_key_from_being_looked_up() {
    let database = Database::new().await;
    let (mut other, mut observer) = (taking_key(&database).await, database.connect().await);
    let store = database.store();
    keyed(&store, &[1], &["settled"]).await.unwrap();
    let stuck = tokio::spawn(keyed(&store, &[2], &["key"]));
    let backend = waiting_backend(&mut observer).await;

    let tenant = tenant("default");
    let recalled = join_all((0..20).map(|_| store.recall(&tenant, "caller", "settled"))).await;
    assert!(recalled.iter().all(|recalled| matches!(recalled, Ok(Some(_)))), "{recalled:?}");
    assert_eq!(waiting_backend(&mut observer).await, backend, "the transaction went on");
    assert!(!stuck.is_finished());
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    stuck.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_replaced_when_it_was_idle() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let mut observer = database.connect().await;
    let backend: i32 = eventually("the lane's connection is idle for longer than it is trusted", async || {
        let idle = "select pid from pg_stat_activity where datname = current_database() and query = 'COMMIT'
            and clock_timestamp() - state_change > interval '1.1 seconds'";
        query_scalar(idle).fetch_optional(&mut observer).await.unwrap()
    })
    .await;
    // It takes what is sent and never answers, as a host does that is gone.
    let signal = |name: &str| Command::new("kill").args(["-s", name, &backend.to_string()]).status().unwrap();
    assert!(signal("STOP").success());
    let saved = save(&store, &tenant("default"), order_with_lines(2, 0)).await;
    assert!(signal("CONT").success());
    saved.unwrap();
}

#[tokio::test]
async fn closing_ends_though_a_commit_that_nobody_waits_for_is_under_way() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    held.first.abort();
    let store = held.store.clone();
    let closing = tokio::spawn(async move { store.close().await });
    // On this one thread, it has begun to close by now.
    tokio::task::yield_now().await;
    held.release().await;
    tokio::time::timeout(Duration::from_secs(20), closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_order_that_a_stranger_keeps_locked_holds_nobody_else_up() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let (mut stranger, mut observer) = (database.connect().await, database.connect().await);
    sqlx::raw_sql("begin; select version from orders for update").execute(&mut stranger).await.unwrap();

    let lost = change(&store, id(1), "MOUSE456").await;
    assert!(matches!(lost, Err(RepoError::Conflict)), "{lost:?}");
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let mut uow = store.begin(&tenant("default"));
            let mut order = uow.find(id(1), Lock::Write).await?.unwrap();
            add_line(&mut order, "MOUSE456");
            uow.save(order)?;
            uow.commit().await
        }
    });
    waiting_backend(&mut observer).await;
    for settled in join_all(creates(&store, 2..=50)).await {
        settled.unwrap();
    }
    sqlx::raw_sql("rollback").execute(&mut stranger).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(state(&store, &tenant("default"), id(1)).await.unwrap().version, 2);
}

/// Adds a line to each of these orders as they are now, in one unit of work, once it is polled.
async fn add_lines(store: &PgStore, numbers: &[u64]) -> BoxFuture<'static, Result<(), RepoError>> {
    let store = store.clone();
    let mut orders = Vec::new();
    for n in numbers {
        let mut order = Order::restore(state(&store, &tenant("default"), id(*n)).await.unwrap());
        add_line(&mut order, "MONITOR147");
        orders.push(order);
    }
    async move {
        let mut uow = store.begin(&tenant("default"));
        for order in orders {
            uow.save(order)?;
        }
        uow.commit().await
    }
    .boxed()
}

/// Creates these orders in one unit of work, with a key for each.
pub(super) fn keyed(store: &PgStore, numbers: &[u64], keys: &[&str]) -> BoxFuture<'static, Result<(), RepoError>> {
    let (store, numbers) = (store.clone(), numbers.to_vec());
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    async move {
        let mut uow = store.begin(&tenant("default"));
        for (n, key) in numbers.into_iter().zip(keys) {
            uow.save(order_with_lines(n, 0))?;
            let request = KeyedRequest { caller: "caller".to_owned(), key, fingerprint: [1; 32] };
            let outcome = Outcome { item: 0, order_id: id(n), version: 1 };
            uow.save_key(KeyRecord { request, outcome, at: created_at(n) });
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
        Err(RepoError::Backend(_)) => "failed",
    }
}
