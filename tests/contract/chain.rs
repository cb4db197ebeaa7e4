//! Transactions of the lane that follow each other: what becomes of one is nothing to the next one, and each instance has
//! its turn.

use std::ops::RangeInclusive;

use futures_util::future::join_all;
use orders::{
    app::{IdempotencyKeys, RepoError},
    infra::PgStore,
};
use sqlx::{PgConnection, query_scalar};

use super::{
    change,
    group_commit::{Commits, HeldGroupCommit, creates, hand_over, keyed, outcome, stored, taking_key, waiting_backend},
    id, order_with_lines, save, state,
    support::{Database, eventually},
    tenant,
    verify::verified,
};

/// A lane with fifty sets in its second transaction, which waits for a key that somebody takes: the first one is committed.
/// With it, who takes the key, and what becomes of the fifty and of twenty behind them.
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
async fn a_connection_that_is_killed_in_a_later_transaction_is_told_to_those_in_it_alone() {
    let database = Database::new().await;
    let (mut held, _taker, second, third) = second_of_a_chain(&database).await;
    assert_eq!(stored(&mut held.observer).await, 1);
    let backend = waiting_backend(&mut held.observer).await;
    let killed: bool =
        query_scalar("select pg_terminate_backend($1)").bind(backend).fetch_one(&mut held.observer).await.unwrap();
    assert!(killed);
    let told = second.await;
    assert!(told.iter().all(|told| matches!(told, Err(RepoError::Unavailable(_)))), "{told:?}");
    assert!(third.await.iter().all(Result::is_ok));
    for n in 1..=50 {
        assert_eq!(state(&held.store, &tenant("default"), id(n)).await, None);
    }
    assert_eq!(stored(&mut held.observer).await, 1 + 20);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_key_that_is_taken_meanwhile_is_told_to_its_set_in_a_later_transaction_and_the_others_are_kept() {
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
async fn no_transaction_stays_open_when_all_who_waited_for_it_give_up() {
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
async fn keys_that_are_taken_cost_the_others_no_transaction_of_their_own() {
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

/// Keeps the turn of all instances until it is rolled back.
async fn keep_the_turn(database: &Database) -> PgConnection {
    let mut neighbour = database.connect().await;
    sqlx::raw_sql("begin; select pg_advisory_xact_lock(x'6c616e65'::bigint)").execute(&mut neighbour).await.unwrap();
    neighbour
}

/// A lane that is held, on this store, which has met another instance.
async fn held_beside_a_peer(database: &Database, store: PgStore) -> HeldGroupCommit {
    let neighbour = database.store();
    for (n, store) in (101..).zip([&store, &neighbour, &store]) {
        save(store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    HeldGroupCommit::new(database, store).await
}

#[tokio::test]
async fn sets_that_come_while_a_neighbour_has_its_turn_share_the_next_transaction() {
    let database = Database::new().await;
    let mut held = held_beside_a_peer(&database, database.store()).await;
    let mut neighbour = keep_the_turn(&database).await;
    let first = hand_over(creates(&held.store, 1..=5)).await;
    held.release().await;
    // Its own transaction is not kept from its answer.
    (&mut held.first).await.unwrap().unwrap();
    waiting_backend(&mut held.observer).await;
    let second = hand_over(creates(&held.store, 6..=10)).await;
    sqlx::raw_sql("rollback").execute(&mut neighbour).await.unwrap();

    assert!(first.await.iter().chain(&second.await).all(Result::is_ok));
    assert_eq!(transactions_of(&mut held.observer, 1..=10).await, 1);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_neighbour_that_keeps_its_turn_is_not_waited_for_without_an_end() {
    let database = Database::new().await;
    let mut held = held_beside_a_peer(&database, database.store()).await;
    let neighbour = keep_the_turn(&database).await;
    let commits = hand_over(creates(&held.store, 1..=5)).await;
    held.release().await;
    waiting_backend(&mut held.observer).await;
    assert!(commits.await.iter().all(Result::is_ok));
    drop(neighbour);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_lane_asks_for_its_turn_only_when_it_has_met_another_instance() {
    for met in [false, true] {
        let database = Database::new().await;
        let store = database.store_that_explains("auto");
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
async fn without_a_head_nothing_is_written_and_nobody_waits_for_ever() {
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
