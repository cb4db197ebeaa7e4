//! Transactions of a group commit that follow each other, and write tokens.

use std::ops::RangeInclusive;

use futures_util::future::join_all;
use orders::{
    app::{IdempotencyKeys, RepoError},
    infra::PgStore,
};
use sqlx::{PgConnection, query_scalar};

use crate::{
    setup::{change, id, order_with_lines, save, state, tenant},
    support::{Database, eventually},
};

use super::{
    held::{Commits, HeldGroupCommit, creates, hand_over, keyed, outcome, stored, taking_key, waiting_backend},
    verify::verified,
};

/// A group commit whose first transaction is committed, and whose second one waits for a key that another session takes.
/// Returns it with that session, the fifty commits of the second transaction, and twenty more that are queued.
async fn second_of_a_chain(database: &Database) -> (HeldGroupCommit, PgConnection, Commits, Commits) {
    let mut held = HeldGroupCommit::new(database, database.store()).await;
    let taker = taking_key(database).await;
    let mut second = creates(&held.store, 1..=49);
    second.push(keyed(&held.store, &[50], &["key"]));
    let second = hand_over(second).await;
    held.release().await;
    (&mut held.first).await.unwrap().unwrap();
    waiting_backend(&mut held.observer).await;
    let third = hand_over(creates(&held.store, 51..=70)).await;
    (held, taker, second, third)
}

#[tokio::test]
async fn a_connection_killed_in_a_later_transaction_fails_only_that_transaction() {
    let database = Database::new().await;
    let (mut held, _taker, second, third) = second_of_a_chain(&database).await;
    assert_eq!(stored(&mut held.observer).await, 1);
    let backend = waiting_backend(&mut held.observer).await;
    let killed: bool =
        query_scalar("select pg_terminate_backend($1)").bind(backend).fetch_one(&mut held.observer).await.unwrap();
    assert!(killed);
    let result = second.await;
    assert!(result.iter().all(|result| matches!(result, Err(RepoError::Unavailable(_)))), "{result:?}");
    assert!(third.await.iter().all(Result::is_ok));
    for n in 1..=50 {
        assert_eq!(state(&held.store, &tenant("default"), id(n)).await, None);
    }
    assert_eq!(stored(&mut held.observer).await, 1 + 20);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_key_taken_in_the_meantime_refuses_only_its_change_set() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    let mut commits = creates(&held.store, 1..=9);
    commits.insert(4, keyed(&held.store, &[10], &["key"]));
    let commits = hand_over(commits).await;
    let taken =
        "insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
        values ('default', 'caller', 'key', 0, sha256(''), gen_random_uuid(), 1, now())";
    sqlx::raw_sql(taken).execute(&mut held.observer).await.unwrap();
    held.release().await;

    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!(settled[4], "taken");
    assert_eq!(settled.iter().filter(|outcome| **outcome == "kept").count(), 9);
    assert_eq!(stored(&mut held.observer).await, 1 + 9);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn no_transaction_stays_open_when_all_queued_commits_are_dropped() {
    let database = Database::new().await;
    let mut held = HeldGroupCommit::new(&database, database.store()).await;
    let backend = waiting_backend(&mut held.observer).await;
    drop(hand_over(creates(&held.store, 1..=10)).await);
    held.release().await;
    held.first.await.unwrap().unwrap();
    eventually("the transaction that nobody needs is rolled back", async || {
        let rolled_back = "select pid from pg_stat_activity where pid = $1 and state = 'idle' and query = 'ROLLBACK'";
        query_scalar::<_, i32>(rolled_back).bind(backend).fetch_optional(&mut held.observer).await.unwrap()
    })
    .await;
    assert_eq!(stored(&mut held.observer).await, 1);
}

#[tokio::test]
async fn taken_keys_cost_the_other_change_sets_no_extra_transaction() {
    let database = Database::new().await;
    let store = database.store();
    for (n, key) in [(101, "first"), (102, "second")] {
        keyed(&store, &[n], &[key]).await.unwrap();
    }
    let mut held = HeldGroupCommit::new(&database, store).await;
    let mut commits = creates(&held.store, 1..=8);
    commits.insert(2, keyed(&held.store, &[9], &["first"]));
    commits.insert(7, keyed(&held.store, &[10], &["second"]));
    let commits = hand_over(commits).await;
    held.release().await;
    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!((settled[2], settled[7]), ("taken", "taken"));
    assert_eq!(settled.iter().filter(|outcome| **outcome == "kept").count(), 8);
    assert_eq!(transactions_of(&mut held.observer, 1..=8).await, 1);
    assert!(verified(&database).await.is_clean());
}

/// A session that holds the write token of all instances until it rolls back.
async fn keep_the_write_token(database: &Database) -> PgConnection {
    let mut peer = database.connect().await;
    sqlx::raw_sql("begin; select pg_advisory_xact_lock(x'6c616e65'::bigint)").execute(&mut peer).await.unwrap();
    peer
}

/// A held group commit that has seen a peer write.
async fn held_beside_a_peer(database: &Database, store: PgStore) -> HeldGroupCommit {
    let peer = database.store();
    for (n, store) in (101..).zip([&store, &peer, &store]) {
        save(store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    HeldGroupCommit::new(database, store).await
}

#[tokio::test]
async fn change_sets_queued_while_a_peer_holds_the_write_token_share_a_transaction() {
    let database = Database::new().await;
    let mut held = held_beside_a_peer(&database, database.store()).await;
    let mut peer = keep_the_write_token(&database).await;
    let first = hand_over(creates(&held.store, 1..=5)).await;
    held.release().await;
    // The token delays the next transaction only.
    (&mut held.first).await.unwrap().unwrap();
    waiting_backend(&mut held.observer).await;
    let second = hand_over(creates(&held.store, 6..=10)).await;
    sqlx::raw_sql("rollback").execute(&mut peer).await.unwrap();

    assert!(first.await.iter().chain(&second.await).all(Result::is_ok));
    assert_eq!(transactions_of(&mut held.observer, 1..=10).await, 1);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_peer_that_keeps_the_write_token_delays_commits_for_a_limited_time() {
    let database = Database::new().await;
    let mut held = held_beside_a_peer(&database, database.store()).await;
    let peer = keep_the_write_token(&database).await;
    let commits = hand_over(creates(&held.store, 1..=5)).await;
    held.release().await;
    waiting_backend(&mut held.observer).await;
    assert!(commits.await.iter().all(Result::is_ok));
    drop(peer);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn the_write_token_is_requested_only_after_a_peer_has_written() {
    for met in [false, true] {
        let database = Database::new().await;
        let store = database.store_with().explained("auto").build();
        let mut held =
            if met { held_beside_a_peer(&database, store).await } else { HeldGroupCommit::new(&database, store).await };
        let commits = hand_over(creates(&held.store, 1..=5)).await;
        held.release().await;
        assert!(commits.await.iter().all(Result::is_ok));
        let plans = database.plans();
        assert_eq!(plans.iter().any(|plan| plan.contains("advisory")), met, "{plans:?}");
    }
}

#[tokio::test]
async fn without_event_head_commits_fail_and_write_nothing() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    sqlx::raw_sql("delete from event_head").execute(&mut database.connect().await).await.unwrap();
    let commits = [creates(&store, 2..=3), vec![keyed(&store, &[4], &["key"])]].into_iter().flatten();
    for settled in join_all(commits).await.into_iter().chain([change(&store, id(1), "MOUSE456").await.map(drop)]) {
        assert!(matches!(settled, Err(RepoError::Backend(_))), "{settled:?}");
    }
    assert_eq!(stored(&mut database.connect().await).await, 1);
    assert_eq!(store.recall(&tenant("default"), "caller", "key").await.unwrap(), None);
    assert_eq!(state(&store, &tenant("default"), id(1)).await.unwrap().version, 2);
}

/// How many transactions have written these orders.
async fn transactions_of(observer: &mut PgConnection, numbers: RangeInclusive<u64>) -> i64 {
    let counted = "select count(distinct xmin::text) from orders where order_id between $1 and $2";
    let counted = query_scalar(counted).bind(id(*numbers.start()).as_uuid()).bind(id(*numbers.end()).as_uuid());
    counted.fetch_one(observer).await.unwrap()
}
