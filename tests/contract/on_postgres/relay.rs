//! The relays of several instances on one database.

use orders::app::{CursorTarget, FirstPosition, Lease, MovedCursor, NewSink, SinkCursors, SinkKind, SinkState, Store};

use crate::{
    recorder::{Instance, Recorder},
    setup::{order_with_lines, save, tenant},
    support::{Database, eventually, retire},
};

const NAMES: [&str; 4] = ["s1", "s2", "s3", "s4"];

async fn write(store: &impl Store, orders: impl IntoIterator<Item = u64>) {
    for n in orders {
        save(store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
}

/// How many sinks each of these instances works.
async fn held(store: &impl Store, instances: &[&str]) -> Vec<usize> {
    let sinks = store.sinks().await.unwrap();
    let count = |name: &&str| sinks.iter().filter(|sink| sink.holder.as_deref() == Some(*name)).count();
    instances.iter().map(count).collect()
}

#[tokio::test]
async fn the_sinks_are_spread_over_the_instances_and_another_one_takes_over() {
    let database = Database::new().await;
    let store = database.store();
    let sinks = NAMES.map(Recorder::new);
    let a = Instance::start(database.store(), "a", sinks.clone());
    eventually("one instance works all", async || (held(&store, &["a"]).await == [4]).then_some(())).await;
    let b = Instance::start(database.store(), "b", sinks.clone());
    eventually("two share", async || (held(&store, &["a", "b"]).await == [2, 2]).then_some(())).await;
    write(&store, 1..=5).await;
    for sink in &sinks {
        eventually("every event", async || sink.has_all(15).then_some(())).await;
        a.wait_for(sink.name, 15).await;
    }
    // As kill -9: nothing is given back.
    drop(b);
    eventually("the other one works all", async || (held(&store, &["a"]).await == [4]).then_some(())).await;
    write(&store, 6..=6).await;
    for sink in &sinks {
        eventually("the next events", async || sink.has_all(18).then_some(())).await;
        sink.assert_order_per_order();
    }
    let c = Instance::start(database.store(), "c", sinks.clone());
    eventually("a new one takes its share", async || (held(&store, &["a", "c"]).await == [2, 2]).then_some(())).await;
    a.stop().await;
    eventually("a stop gives the leases back", async || (held(&store, &["c"]).await == [4]).then_some(())).await;
    drop(c);
}

#[tokio::test]
async fn a_holder_that_wakes_up_late_moves_no_cursor() {
    let database = Database::new().await;
    let store = database.store();
    write(&store, 1..=3).await;
    let sinks = [NewSink { name: "sink", kind: SinkKind::Broker, begins: FirstPosition::Start }];
    let renew = async |instance| store.renew_leases(instance, &sinks).await.unwrap();
    let late = renew("late").await.pop().unwrap();
    assert!(store.advance(&late, Some(2), None).await.unwrap());
    let next = eventually("the lease ends", async || renew("next").await.pop()).await;
    assert_eq!((next.epoch, next.position), (late.epoch + 1, 2));
    assert!(!store.advance(&late, Some(9), None).await.unwrap());
    assert!(!store.advance(&late, None, Some("late")).await.unwrap());
    let status = store.sinks().await.unwrap().pop().unwrap();
    assert_eq!((status.state(), status.position, status.failure), (SinkState::Running, 2, None));
    assert!(store.advance(&next, Some(5), None).await.unwrap());

    assert_eq!(store.move_cursor("sink", CursorTarget::Position(1)).await.unwrap(), MovedCursor::To(1));
    assert!(!store.advance(&next, Some(7), None).await.unwrap(), "an operator has moved it");
    let Lease { epoch, position, .. } = renew("next").await.pop().unwrap();
    assert_eq!((epoch, position), (next.epoch + 1, 1));
}

#[tokio::test]
async fn two_instances_that_disagree_about_a_lease_never_both_move_the_cursor() {
    let database = Database::new().await;
    let store = database.store();
    write(&store, 1..=20).await;
    let sinks = [NewSink { name: "sink", kind: SinkKind::Broker, begins: FirstPosition::Start }];
    let first = store.renew_leases("first", &sinks).await.unwrap().pop().unwrap();
    let mut holder = first.clone();
    for round in 0..10_u64 {
        let next = format!("holder-{round}");
        store.release_leases(&holder.instance).await.unwrap();
        let (taken, stale) =
            tokio::join!(store.renew_leases(&next, &sinks), store.advance(&holder, Some(round + 1), None));
        let taken = taken.unwrap().pop().unwrap();
        // Before the new holder read the cursor, or not at all.
        let expected = if stale.unwrap() { round + 1 } else { taken.position };
        assert_eq!(store.sinks().await.unwrap().pop().unwrap().position, expected);
        assert!(!store.advance(&holder, Some(50), None).await.unwrap());
        holder = taken;
    }
}

#[tokio::test]
async fn a_sink_behind_retired_events_says_so_until_an_operator_moves_it() {
    let database = Database::new().await;
    let store = database.store();
    let sink = Recorder::new("sink");
    sink.away(true);
    let instance = Instance::start(database.store(), "a", [sink.clone()]);
    write(&store, 1..=4).await;
    eventually("the sink has a cursor", async || store.sinks().await.unwrap().pop()).await;
    retire(&database, 6).await;
    sink.away(false);
    let expected = "the events behind position 0 are retired; move the sink to position 6 or later";
    eventually("the error", async || {
        let failure = instance.sink("sink").await.failure;
        failure.filter(|(error, _)| error == expected)
    })
    .await;
    assert_eq!(store.move_cursor("sink", CursorTarget::Position(6)).await.unwrap(), MovedCursor::To(6));
    eventually("the kept events", async || {
        let mut positions = sink.positions();
        positions.sort_unstable();
        (positions == [7, 8, 9, 10, 11, 12]).then_some(())
    })
    .await;
    instance.wait_for("sink", 12).await;
    assert_eq!(instance.sink("sink").await.state(), SinkState::Running);
    // A new sink begins at the first kept event.
    let other = Recorder::new("other");
    let _second = Instance::start(database.store(), "b", [other.clone()]);
    eventually("the kept events", async || (other.positions().len() == 6).then_some(())).await;
}
