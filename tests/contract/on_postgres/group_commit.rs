//! Commits that share a transaction do not affect each other.

use std::{process::Command, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use orders::{
    app::{IdempotencyKeys, Lock, RepoError, UnitOfWork},
    domain::Order,
    infra::PgStore,
};
use sqlx::{AssertSqlSafe, query_scalar};

use crate::{
    setup::{add_line, change, context, created_at, id, order_with_lines, save, state, tenant},
    support::{Database, eventually},
};

use super::{
    held::{HeldGroupCommit, create, creates, hand_over, keyed, outcome, stored, taking_key, waiting_backend},
    verify::verified,
};

#[tokio::test]
async fn a_change_set_that_fails_does_not_stop_255_others() {
    // One trigger fails the statement, the other one fails the commit of the transaction.
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
        let poisoned = Order::create(id(0), "poison".parse().unwrap(), "EUR".parse().unwrap(), context(created_at(0)));
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
        // The first transaction, and one half at each step of the search.
        assert!(transactions <= 10, "they were written in {transactions} transactions");
        assert!(verified(&database).await.is_clean());
    }
}

#[tokio::test]
async fn a_conflict_or_a_taken_key_affects_no_other_change_set() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    keyed(&store, &[4], &["taken"]).await.unwrap();
    // Two changes of the same version, and a change of two orders of which one has moved on.
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
        // One of its keys is free, and must stay free.
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
async fn of_twenty_changes_of_one_version_only_the_first_is_written() {
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
    // No order lock is left behind.
    change(&store, id(1), "MOUSE456").await.unwrap();
}

#[tokio::test]
async fn commits_dropped_before_their_transaction_write_nothing() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    // The first commit is dropped while its transaction runs: its outcome is unknown to its caller.
    held.first.abort();
    let dropped = hand_over(creates(&held.store, 1..=10)).await;
    let commits = hand_over(creates(&held.store, 11..=30)).await;
    drop(dropped);
    held.release().await;
    assert!(commits.await.iter().all(Result::is_ok));
    for n in 1..=10 {
        assert_eq!(state(&held.store, &tenant("default"), id(n)).await, None);
    }
    assert_eq!(stored(&mut held.observer).await, 21);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_full_queue_refuses_new_commits_at_once_and_keeps_the_queued_ones() {
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
    // The queue has room again.
    create(&held.store, order_with_lines(6000, 1)).await.unwrap();
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_connection_killed_in_a_transaction_fails_only_its_change_sets() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    let commits = hand_over(creates(&held.store, 1..=20)).await;
    let backend = waiting_backend(&mut held.observer).await;
    let killed: bool =
        query_scalar("select pg_terminate_backend($1)").bind(backend).fetch_one(&mut held.observer).await.unwrap();
    assert!(killed);
    let result = held.first.await.unwrap();
    assert!(matches!(result, Err(RepoError::Unavailable(_))), "{result:?}");
    sqlx::raw_sql("rollback").execute(&mut held.head).await.unwrap();
    let settled = commits.await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    assert_eq!(stored(&mut held.observer).await, 20);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_key_that_another_instance_takes_at_the_same_moment_refuses_only_its_change_set() {
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
async fn a_transaction_that_waits_for_a_key_does_not_lock_event_head() {
    let database = Database::new().await;
    let (mut other, mut observer) = (taking_key(&database).await, database.connect().await);
    let commit = tokio::spawn(keyed(&database.store(), &[1], &["key"]));
    waiting_backend(&mut observer).await;
    // The session that has the key can lock the head next.
    sqlx::raw_sql("select position from event_head for update nowait").execute(&mut other).await.unwrap();
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    commit.await.unwrap().unwrap();
}

#[tokio::test]
async fn keys_are_read_while_a_transaction_is_blocked() {
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
async fn an_idle_connection_that_no_longer_answers_is_replaced() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let mut observer = database.connect().await;
    let backend: i32 =
        eventually("the connection of the group commit is idle for longer than it is trusted", async || {
            let idle = "select pid from pg_stat_activity where datname = current_database() and query = 'COMMIT'
            and clock_timestamp() - state_change > interval '1.1 seconds'";
            query_scalar(idle).fetch_optional(&mut observer).await.unwrap()
        })
        .await;
    // A stopped process accepts data and never answers, like a host that is gone.
    let signal = |name: &str| Command::new("kill").args(["-s", name, &backend.to_string()]).status().unwrap();
    assert!(signal("STOP").success());
    let saved = save(&store, &tenant("default"), order_with_lines(2, 0)).await;
    assert!(signal("CONT").success());
    saved.unwrap();
}

#[tokio::test]
async fn closing_the_store_ends_while_a_dropped_commit_runs() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    held.first.abort();
    let store = held.store.clone();
    let closing = tokio::spawn(async move { store.close().await });
    // The runtime has one thread, so the task has begun to close the store.
    tokio::task::yield_now().await;
    held.release().await;
    tokio::time::timeout(Duration::from_secs(20), closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_order_locked_by_another_session_delays_no_other_order() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let (mut other, mut observer) = (database.connect().await, database.connect().await);
    sqlx::raw_sql("begin; select version from orders for update").execute(&mut other).await.unwrap();

    let lost = change(&store, id(1), "MOUSE456").await;
    assert!(matches!(lost, Err(RepoError::Conflict)), "{lost:?}");
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let mut uow = store.begin(&tenant("default"), None);
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
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(state(&store, &tenant("default"), id(1)).await.unwrap().version, 2);
}

/// Reads these orders now, and returns a commit that adds a line to each of them in one unit of work.
async fn add_lines(store: &PgStore, numbers: &[u64]) -> BoxFuture<'static, Result<(), RepoError>> {
    let store = store.clone();
    let mut orders = Vec::new();
    for n in numbers {
        let mut order = Order::restore(state(&store, &tenant("default"), id(*n)).await.unwrap());
        add_line(&mut order, "MONITOR147");
        orders.push(order);
    }
    async move {
        let mut uow = store.begin(&tenant("default"), None);
        for order in orders {
            uow.save(order)?;
        }
        uow.commit().await
    }
    .boxed()
}
