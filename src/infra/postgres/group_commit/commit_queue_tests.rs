use std::{collections::HashMap, sync::Arc};

use time::OffsetDateTime;
use tokio::task::{JoinHandle, yield_now};
use uuid::Uuid;

use crate::{
    app::{Cause, Changes, KeyRecord, KeyedRequest, Outcome, RepoError},
    domain::{OrderEvent, OrderEventKind, OrderId, OrderState, Status, TenantId},
    infra::postgres::{queue::Queue, turns::TenantHash},
};

use super::{
    batch::{Refusal, Refusals},
    change_set::ChangeSet,
    columns::TenantChanges,
    commit_queue::CommitQueue,
};

type Outcomes = Vec<JoinHandle<Result<(), RepoError>>>;

/// A queue with these change sets, in this order, and the outcome of each.
async fn queued(sets: impl IntoIterator<Item = ChangeSet>) -> (CommitQueue, Outcomes) {
    let (queue, receiver) = Queue::new();
    let queue = Arc::new(queue);
    let mut outcomes = Outcomes::new();
    for set in sets {
        let queue = queue.clone();
        outcomes.push(tokio::spawn(async move { queue.submit(TenantHash::of(set.tenant.as_str()), set).await }));
    }
    while receiver.len() < outcomes.len() {
        yield_now().await;
    }
    (CommitQueue::new(receiver), outcomes)
}

/// A change of each of these orders: which one, and the version that it was read at.
fn changes(orders: &[(u128, u32)]) -> ChangeSet {
    changes_of("tenant", orders)
}

fn changes_of(tenant: &str, orders: &[(u128, u32)]) -> ChangeSet {
    let mut set = ChangeSet::new(tenant.parse().unwrap(), Cause::default());
    for (order, read_at) in orders {
        set.stage(change(*order, *read_at, 1)).unwrap();
    }
    set
}

fn change(order: u128, read_at: u32, events: u32) -> Changes {
    let order_id = OrderId::from_uuid(Uuid::from_u128(order));
    let at = OffsetDateTime::UNIX_EPOCH;
    let event = |version| OrderEvent {
        event_id: Uuid::nil(),
        order_id,
        version,
        occurred_at: at,
        kind: OrderEventKind::OrderPlaced,
    };
    let state = OrderState {
        order_id,
        customer_id: "customer".parse().unwrap(),
        status: Status::Open,
        currency: "EUR".parse().unwrap(),
        lines: Vec::new(),
        last_line: 0,
        version: read_at + events,
        created_at: at,
        updated_at: at,
    };
    Changes { state, events: (read_at + 1..=read_at + events).map(event).collect() }
}

fn with_key(mut set: ChangeSet, key: &str) -> ChangeSet {
    let request = KeyedRequest { caller: "caller".to_owned(), key: key.to_owned(), fingerprint: [0; 32] };
    let outcome = Outcome { batch_index: 0, order_id: OrderId::from_uuid(Uuid::nil()), version: 1 };
    set.stage_key(KeyRecord { request, outcome });
    set
}

/// The orders of the next batch: one list a change set. Empty when there is none.
fn next(queue: &mut CommitQueue) -> Vec<Vec<u128>> {
    queue.advance();
    let id = |(_, changes): TenantChanges<'_>| changes.state.order_id.as_uuid().as_u128();
    let batch = queue.take_batch();
    let orders = batch.iter().map(|job| job.work.tenant_changes().map(id).collect()).collect();
    queue.put_back(batch);
    orders
}

fn commit(queue: &mut CommitQueue) {
    for job in queue.committed(&Refusals::new()) {
        job.respond(Ok(()));
    }
}

/// What each caller received, or that it still waits.
async fn settled(outcomes: Outcomes) -> Vec<&'static str> {
    for _ in 0..=outcomes.len() {
        yield_now().await;
    }
    let mut settled = Vec::new();
    for outcome in outcomes {
        settled.push(if outcome.is_finished() { name(&outcome.await.unwrap()) } else { "waits" });
    }
    settled
}

fn name(outcome: &Result<(), RepoError>) -> &'static str {
    match outcome {
        Ok(()) => "committed",
        Err(RepoError::Conflict) => "conflict",
        Err(RepoError::KeyTaken) => "key taken",
        Err(RepoError::Unavailable(_)) => "unavailable",
        Err(RepoError::Backend(_) | RepoError::NewerRelease(_)) => "failed",
    }
}

fn failure() -> RepoError {
    RepoError::Backend("the statement is wrong".into())
}

#[tokio::test]
async fn change_sets_of_different_orders_share_a_batch_and_those_of_one_order_do_not() {
    let (mut queue, _outcomes) =
        queued([changes(&[(1, 1)]), changes(&[(2, 1)]), changes(&[(1, 2)]), changes(&[(3, 1)])]).await;
    assert_eq!(next(&mut queue), [[1], [2], [3]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[1]]);
}

#[tokio::test]
async fn a_change_set_does_not_overtake_one_that_waits_for_the_same_order() {
    let (mut queue, _outcomes) = queued([changes(&[(1, 1)]), changes(&[(1, 2), (2, 1)]), changes(&[(2, 2)])]).await;
    assert_eq!(next(&mut queue), [[1]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[1, 2]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[2]]);
}

#[tokio::test]
async fn orders_with_the_same_id_and_different_tenants_share_a_batch() {
    let (mut queue, _outcomes) = queued([changes_of("one", &[(1, 1)]), changes_of("other", &[(1, 1)])]).await;
    assert_eq!(next(&mut queue).len(), 2);
}

#[tokio::test]
async fn change_sets_with_the_same_key_do_not_share_a_batch() {
    let keyed = |order, key| with_key(changes(&[(order, 0)]), key);
    let (mut queue, outcomes) = queued([keyed(1, "key"), keyed(2, "key"), keyed(3, "other")]).await;
    assert_eq!(next(&mut queue), [[1], [3]]);
    commit(&mut queue);
    assert_eq!(settled(outcomes).await, ["committed", "key taken", "committed"]);
    assert!(queue.is_empty());
}

#[tokio::test]
async fn a_batch_has_at_most_256_change_sets() {
    let (mut queue, _outcomes) = queued((1..=300).map(|order| changes(&[(order, 0)]))).await;
    assert_eq!(next(&mut queue).len(), 256);
    commit(&mut queue);
    assert_eq!(next(&mut queue).len(), 44);
}

#[tokio::test]
async fn a_batch_with_many_events_takes_no_further_change_set() {
    let mut large = ChangeSet::new(TenantId::anonymous(), Cause::default());
    large.stage(change(1, 1, 4096)).unwrap();
    let (mut queue, _outcomes) = queued([large, changes(&[(2, 1)])]).await;
    assert_eq!(next(&mut queue), [[1]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[2]]);
}

#[tokio::test]
async fn a_change_set_whose_caller_has_gone_is_not_written() {
    let (mut queue, mut outcomes) = queued([changes(&[(1, 1)]), changes(&[(2, 1)])]).await;
    let gone = outcomes.remove(0);
    gone.abort();
    let _ = gone.await;
    assert_eq!(next(&mut queue), [[2]]);
}

#[tokio::test]
async fn a_change_set_that_was_overtaken_is_refused_without_a_statement() {
    let (mut queue, outcomes) = queued([
        changes(&[(1, 1)]),
        // Read before the first one was committed, and after it.
        changes(&[(1, 1)]),
        changes(&[(1, 2)]),
        changes(&[(2, 1), (1, 1)]),
    ])
    .await;
    assert_eq!(next(&mut queue), [[1]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[1]]);
    assert_eq!(settled(outcomes).await, ["committed", "conflict", "waits", "conflict"]);
}

#[tokio::test]
async fn a_refused_change_set_overtakes_nobody() {
    let (mut queue, outcomes) = queued([changes(&[(1, 1)]), changes(&[(1, 1)])]).await;
    next(&mut queue);
    assert!(queue.committed(&HashMap::from([(0, Refusal::Conflict)])).is_empty());
    assert_eq!(next(&mut queue), [[1]]);
    assert_eq!(settled(outcomes).await, ["conflict", "waits"]);
}

#[tokio::test]
async fn a_batch_that_was_rolled_back_is_tried_again_without_the_refused_change_sets() {
    let sets = [changes(&[(1, 1)]), changes(&[(2, 1)]), changes(&[(3, 1)])];
    let (mut queue, outcomes) = queued(sets).await;
    next(&mut queue);
    assert_eq!(queue.queued_at().count(), 3);
    queue.retry(&HashMap::from([(1, Refusal::KeyTaken)]));
    assert!(!queue.is_empty());
    assert_eq!(next(&mut queue), [[1], [3]]);
    assert_eq!(queue.queued_at().count(), 0, "their wait was counted before");
    commit(&mut queue);
    assert_eq!(settled(outcomes).await, ["committed", "key taken", "committed"]);
}

#[tokio::test]
async fn a_batch_that_fails_is_halved_until_the_cause_is_alone() {
    let (mut queue, outcomes) = queued((1..=4).map(|order| changes(&[(order, 1)]))).await;
    let poison = vec![3];
    let mut tried = Vec::new();
    while !queue.is_empty() || tried.is_empty() {
        let batch = next(&mut queue);
        let fails = batch.contains(&poison);
        tried.push(batch.concat());
        if fails {
            queue.fail(failure());
        } else {
            commit(&mut queue);
        }
    }
    assert_eq!(tried, [vec![1, 2, 3, 4], vec![1, 2], vec![3, 4], vec![3], vec![4]]);
    assert_eq!(settled(outcomes).await, ["committed", "committed", "failed", "committed"]);
}

#[tokio::test]
async fn the_halves_are_tried_before_the_change_sets_that_wait() {
    let (mut queue, _outcomes) = queued([changes(&[(1, 1)]), changes(&[(2, 1)]), changes(&[(1, 2)])]).await;
    assert_eq!(next(&mut queue), [[1], [2]]);
    queue.fail(failure());
    assert_eq!(next(&mut queue), [[1]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[2]]);
    commit(&mut queue);
    assert_eq!(next(&mut queue), [[1]]);
}

#[tokio::test]
async fn a_lost_connection_fails_the_batch_and_its_other_half_and_nothing_that_waits() {
    let sets = [changes(&[(1, 1)]), changes(&[(2, 1)]), changes(&[(1, 2)])];
    let (mut queue, outcomes) = queued(sets).await;
    next(&mut queue);
    queue.fail(failure());
    assert_eq!(next(&mut queue), [[1]]);
    queue.fail(RepoError::Unavailable("the connection is lost".into()));
    assert_eq!(next(&mut queue), [[1]]);
    assert_eq!(settled(outcomes).await, ["unavailable", "unavailable", "waits"]);
}

#[tokio::test]
async fn without_a_connection_every_change_set_fails() {
    let (submitting, receiver) = Queue::new();
    let submitting = Arc::new(submitting);
    let submit = |order| {
        let queue = submitting.clone();
        tokio::spawn(async move { queue.submit(TenantHash::of("tenant"), changes(&[(order, 1)])).await })
    };
    let taken: Outcomes = (1..=300).map(submit).collect();
    while receiver.len() < taken.len() {
        yield_now().await;
    }
    let mut queue = CommitQueue::new(receiver);
    // The others are taken, too, so that every tenant has its turn.
    assert_eq!(next(&mut queue).len(), 256);
    let later = submit(301);
    queue.fail_taken(RepoError::Unavailable("the task panicked".into()));
    assert!(settled(taken).await.iter().all(|outcome| *outcome == "unavailable"));
    while queue.is_empty() {
        yield_now().await;
    }
    assert_eq!(next(&mut queue).len(), 1);
    assert_eq!(settled(vec![later]).await, ["waits"]);
}

/// Of the next batch, how many change sets each of these tenants has.
async fn shares<const N: usize>(sets: impl IntoIterator<Item = ChangeSet>, tenants: [&str; N]) -> [usize; N] {
    let (mut queue, _outcomes) = queued(sets).await;
    assert!(queue.advance());
    let batch = queue.take_batch();
    tenants.map(|tenant| batch.iter().filter(|job| job.work.tenant.as_str() == tenant).count())
}

#[tokio::test]
async fn a_tenant_that_floods_the_queue_does_not_keep_another_one_from_the_next_batch() {
    let flood = (0..600).map(|order| changes_of("loud", &[(order, 0)]));
    // The loud tenant does not fill the batch: the quiet one may come again during its transaction.
    assert_eq!(shares(flood.chain([changes_of("quiet", &[(1000, 0)])]), ["quiet", "loud"]).await, [1, 16]);
}

#[tokio::test]
async fn two_busy_tenants_fill_a_batch_together() {
    let of_both = (0..300).map(|order| changes_of(if order % 3 == 0 { "one" } else { "other" }, &[(order, 0)]));
    assert_eq!(shares(of_both, ["one", "other"]).await, [100, 100]);
}

#[tokio::test]
async fn a_few_large_change_sets_do_not_keep_another_tenant_from_the_next_batch() {
    let large = |order| {
        let mut set = ChangeSet::new("loud".parse().unwrap(), Cause::default());
        set.stage(change(order, 0, 1500)).unwrap();
        set
    };
    let (mut queue, _outcomes) = queued((0..10).map(large).chain([changes_of("quiet", &[(1000, 0)])])).await;
    // A batch takes further ones as long as it is not full of events.
    assert_eq!(next(&mut queue), [[0], [1000]]);
}

#[tokio::test]
async fn a_tenant_that_is_alone_fills_a_batch_in_the_order_of_arrival() {
    let (mut queue, _outcomes) = queued((0..600).map(|order| changes(&[(order, 0)]))).await;
    assert!(queue.advance());
    let batch = queue.take_batch();
    let orders: Vec<u128> = batch
        .iter()
        .flat_map(|job| job.work.tenant_changes().map(|(_, changes)| changes.state.order_id.as_uuid().as_u128()))
        .collect();
    assert_eq!(orders, (0..256).collect::<Vec<_>>());
}
