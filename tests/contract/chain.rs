//! Transactions of the lane that follow each other: what becomes of one is nothing to the next one, and each instance has
//! its turn.

use std::ops::RangeInclusive;

use orders::app::RepoError;
use sqlx::{PgConnection, query_scalar};
use tokio::task::JoinHandle;

use super::{
    id,
    lane::{Commits, HeldLane, creates, hand_over, keyed, outcome, stored, waiting_backend},
    order_with_lines, save, state,
    support::{Database, eventually},
    tenant,
    verify::verified,
};

/// Takes the head as soon as the lane's transaction, which waits for it now, has committed.
async fn hold_the_next_one(database: &Database, lane: &mut HeldLane) -> JoinHandle<PgConnection> {
    let mut head = database.connect().await;
    let taking = tokio::spawn(async move {
        sqlx::raw_sql("begin; select position from event_head for update").execute(&mut head).await.unwrap();
        head
    });
    eventually("somebody else waits behind the lane", async || {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let count: i64 = query_scalar(waiting).fetch_one(&mut lane.observer).await.unwrap();
        (count == 2).then_some(())
    })
    .await;
    taking
}

/// A lane with fifty sets in its second transaction, the first one committed, and what has become of the sets behind the fifty.
async fn second_of_a_chain(database: &Database) -> (HeldLane, PgConnection, Commits, Commits) {
    let mut lane = HeldLane::of(database, database.store()).await;
    let second = hand_over(creates(&lane.store, 1..=50)).await;
    let holding = hold_the_next_one(database, &mut lane).await;
    lane.release().await;
    let head = holding.await.unwrap();
    waiting_backend(&mut lane.observer).await;
    let third = hand_over(creates(&lane.store, 51..=70)).await;
    (lane, head, second, third)
}

#[tokio::test]
async fn a_connection_that_is_killed_in_a_later_transaction_is_told_to_those_in_it_alone() {
    let database = Database::new().await;
    let (mut lane, mut head, second, third) = second_of_a_chain(&database).await;
    assert_eq!(stored(&mut lane.observer).await, 1);
    let backend = waiting_backend(&mut lane.observer).await;
    let killed: bool =
        query_scalar("select pg_terminate_backend($1)").bind(backend).fetch_one(&mut lane.observer).await.unwrap();
    assert!(killed);
    let told = second.await;
    assert!(told.iter().all(|told| matches!(told, Err(RepoError::Unavailable(_)))), "{told:?}");
    sqlx::raw_sql("rollback").execute(&mut head).await.unwrap();

    assert!(third.await.iter().all(Result::is_ok));
    lane.first.await.unwrap().unwrap();
    for n in 1..=50 {
        assert_eq!(state(&lane.store, &tenant("default"), id(n)).await, None);
    }
    assert_eq!(stored(&mut lane.observer).await, 1 + 20);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_key_that_is_taken_meanwhile_is_told_to_its_set_in_a_later_transaction_and_the_others_are_kept() {
    let database = Database::new().await;
    let mut lane = HeldLane::of(&database, database.store()).await;
    let mut commits = creates(&lane.store, 1..=9);
    commits.insert(4, keyed(&lane.store, &[10], &["key"]));
    let commits = hand_over(commits).await;
    let taken =
        "insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
        values ('default', 'caller', 'key', 0, sha256(''), gen_random_uuid(), 1, now())";
    sqlx::raw_sql(taken).execute(&mut lane.observer).await.unwrap();
    lane.release().await;

    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!(settled[4], "taken");
    assert_eq!(settled.iter().filter(|outcome| **outcome == "kept").count(), 9);
    assert_eq!(stored(&mut lane.observer).await, 1 + 9);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn no_transaction_stays_open_when_all_who_waited_for_it_give_up() {
    let database = Database::new().await;
    let mut lane = HeldLane::of(&database, database.store()).await;
    let backend = waiting_backend(&mut lane.observer).await;
    drop(hand_over(creates(&lane.store, 1..=10)).await);
    lane.release().await;
    lane.first.await.unwrap().unwrap();
    eventually("the transaction that nobody needs is rolled back", async || {
        let rolled_back = "select pid from pg_stat_activity where pid = $1 and state = 'idle' and query = 'ROLLBACK'";
        query_scalar::<_, i32>(rolled_back).bind(backend).fetch_optional(&mut lane.observer).await.unwrap()
    })
    .await;
    assert_eq!(stored(&mut lane.observer).await, 1);
}

#[tokio::test]
async fn keys_that_are_taken_cost_the_others_no_transaction_of_their_own() {
    let database = Database::new().await;
    let store = database.store();
    for (n, key) in [(101, "first"), (102, "second")] {
        keyed(&store, &[n], &[key]).await.unwrap();
    }
    let mut lane = HeldLane::of(&database, store).await;
    let mut commits = creates(&lane.store, 1..=8);
    commits.insert(2, keyed(&lane.store, &[9], &["first"]));
    commits.insert(7, keyed(&lane.store, &[10], &["second"]));
    let commits = hand_over(commits).await;
    lane.release().await;
    let settled: Vec<_> = commits.await.iter().map(outcome).collect();
    assert_eq!((settled[2], settled[7]), ("taken", "taken"));
    assert_eq!(settled.iter().filter(|outcome| **outcome == "kept").count(), 8);
    assert_eq!(transactions_of(&mut lane.observer, 1..=8).await, 1);
    assert!(verified(&database).await.is_clean());
}

/// Keeps the turn of all instances until it is rolled back.
async fn keep_the_turn(database: &Database) -> PgConnection {
    let mut neighbour = database.connect().await;
    sqlx::raw_sql("begin; select pg_advisory_xact_lock(x'6c616e65'::bigint)").execute(&mut neighbour).await.unwrap();
    neighbour
}

/// A lane that is held, on a store that has met another instance.
async fn lane_with_a_neighbour(database: &Database) -> HeldLane {
    let (store, neighbour) = (database.store(), database.store());
    for (n, store) in (101..).zip([&store, &neighbour, &store]) {
        save(store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    HeldLane::of(database, store).await
}

#[tokio::test]
async fn sets_that_come_while_a_neighbour_has_its_turn_share_the_next_transaction() {
    let database = Database::new().await;
    let mut lane = lane_with_a_neighbour(&database).await;
    let mut neighbour = keep_the_turn(&database).await;
    let early = hand_over(creates(&lane.store, 1..=5)).await;
    lane.release().await;
    // Its own transaction is not kept from its answer.
    (&mut lane.first).await.unwrap().unwrap();
    waiting_backend(&mut lane.observer).await;
    let late = hand_over(creates(&lane.store, 6..=10)).await;
    sqlx::raw_sql("rollback").execute(&mut neighbour).await.unwrap();

    assert!(early.await.iter().chain(&late.await).all(Result::is_ok));
    assert_eq!(transactions_of(&mut lane.observer, 1..=10).await, 1);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_neighbour_that_keeps_its_turn_is_not_waited_for_without_an_end() {
    let database = Database::new().await;
    let mut lane = lane_with_a_neighbour(&database).await;
    let neighbour = keep_the_turn(&database).await;
    let commits = hand_over(creates(&lane.store, 1..=5)).await;
    lane.release().await;
    assert!(commits.await.iter().all(Result::is_ok));
    drop(neighbour);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_lane_that_is_alone_asks_for_no_turn() {
    let database = Database::new().await;
    let mut lane = HeldLane::of(&database, database.store_that_explains("auto")).await;
    let commits = hand_over(creates(&lane.store, 1..=5)).await;
    lane.release().await;
    assert!(commits.await.iter().all(Result::is_ok));
    let plans = database.plans();
    let inserts = plans.iter().filter(|plan| plan.contains("insert into order_events")).count();
    assert_eq!(inserts, 2, "{plans:?}");
    assert!(plans.iter().all(|plan| !plan.contains("advisory")), "{plans:?}");
}

/// How many transactions have written these orders.
async fn transactions_of(observer: &mut PgConnection, numbers: RangeInclusive<u64>) -> i64 {
    let counted = "select count(distinct xmin::text) from orders where order_id between $1 and $2";
    let counted = query_scalar(counted).bind(id(*numbers.start()).as_uuid()).bind(id(*numbers.end()).as_uuid());
    counted.fetch_one(observer).await.unwrap()
}
