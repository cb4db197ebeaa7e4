//! Idempotency keys.

use orders::app::{KeyRecord, KeyedRequest, OrderFilter, Outcome, Recorded, RepoError, Store};
use time::Duration;

use crate::{
    promises::promises,
    setup::{id, list, order_with_lines, tenant},
};

promises! {
    a_key_belongs_to_its_tenant_and_caller,
    a_second_use_of_a_key_is_rolled_back,
    a_key_of_a_different_request_is_taken,
    a_key_is_stored_only_with_its_change,
    old_keys_are_deleted_up_to_a_limit,
}

async fn a_key_belongs_to_its_tenant_and_caller(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 0), record(2, 1)]).await.unwrap();
    let expected = Recorded { fingerprint: [1; 32], outcomes: vec![outcome(1, 0), outcome(2, 1)] };
    assert_eq!(store.recall(&tenant("default"), "caller", "key").await.unwrap(), Some(expected));
    assert_eq!(store.recall(&tenant("other"), "caller", "key").await.unwrap(), None);
    assert_eq!(store.recall(&tenant("default"), "other", "key").await.unwrap(), None);
    assert_eq!(store.recall(&tenant("default"), "caller", "other").await.unwrap(), None);
}

async fn a_second_use_of_a_key_is_rolled_back(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 0)]).await.unwrap();
    let second = save_with_key(&store, 2, &[record(2, 0)]).await;
    assert!(matches!(second, Err(RepoError::KeyTaken)));
    assert_eq!(list(&store, "default", &OrderFilter::default()).await, [id(1)]);
}

async fn a_key_of_a_different_request_is_taken(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 3)]).await.unwrap();
    // Another order of the same request.
    save_with_key(&store, 2, &[record(2, 4)]).await.unwrap();
    let mut other = record(3, 0);
    other.request.fingerprint = [2; 32];
    let second = save_with_key(&store, 3, &[other]).await;
    assert!(matches!(second, Err(RepoError::KeyTaken)));
    assert_eq!(list(&store, "default", &OrderFilter::default()).await, [id(2), id(1)]);
}

async fn a_key_is_stored_only_with_its_change(store: impl Store) {
    let mut uow = store.begin(&tenant("default"), None);
    uow.save(order_with_lines(1, 0)).unwrap();
    uow.save_key(record(1, 0));
    drop(uow);
    assert_eq!(store.recall(&tenant("default"), "caller", "key").await.unwrap(), None);
    save_with_key(&store, 1, &[record(1, 0)]).await.unwrap();
}

async fn old_keys_are_deleted_up_to_a_limit(store: impl Store) {
    for n in 1..=3 {
        let mut of_its_own = record(n, 0);
        of_its_own.request.key = format!("key-{n}");
        save_with_key(&store, n, &[of_its_own]).await.unwrap();
    }
    // The changes have times of the past. The store has a clock of its own.
    assert_eq!(store.forget(Duration::minutes(30), 100).await.unwrap(), 0);
    assert_eq!(store.forget(Duration::ZERO, 1).await.unwrap(), 1);
    let mut kept = Vec::new();
    for n in 1..=3 {
        kept.push(store.recall(&tenant("default"), "caller", &format!("key-{n}")).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, true, true]);
    assert_eq!(store.forget(Duration::ZERO, 100).await.unwrap(), 2);
    assert_eq!(store.forget(Duration::ZERO, 100).await.unwrap(), 0);
}

fn outcome(n: u64, batch_index: u32) -> Outcome {
    Outcome { batch_index, order_id: id(n), version: 1 }
}

/// The record of a request under the key "key" that led to the n-th order.
fn record(n: u64, batch_index: u32) -> KeyRecord {
    let request = KeyedRequest { caller: "caller".to_owned(), key: "key".to_owned(), fingerprint: [1; 32] };
    KeyRecord { request, outcome: outcome(n, batch_index) }
}

async fn save_with_key(store: &impl Store, n: u64, records: &[KeyRecord]) -> Result<(), RepoError> {
    let mut uow = store.begin(&tenant("default"), None);
    uow.save(order_with_lines(n, 0))?;
    for record in records {
        uow.save_key(record.clone());
    }
    uow.commit().await
}
