//! The relay delivers every event to each sink.

use orders::{
    app::{CursorTarget, MovedCursor, SinkState, Store},
    domain::OrderId,
    infra::MemoryStore,
};

use crate::{
    promises::promises,
    recorder::{Instance, Recorder},
    setup::{change, created_at, id, order_with_lines, save, tenant},
    support::eventually,
};

promises! {
    a_sink_receives_every_event_of_all_tenants_in_order,
    a_sink_goes_on_at_its_cursor_after_a_restart,
    a_refused_event_is_repeated_and_the_later_events_of_its_order_wait_for_it,
    a_poisoned_event_holds_the_cursor_and_its_own_order_only,
    a_sink_that_is_away_is_retried_until_it_is_back_and_disturbs_no_other_one,
    a_sink_that_panics_starts_again,
    a_paused_sink_receives_nothing_and_loses_nothing,
    a_sink_that_is_moved_back_receives_the_events_again,
    a_cursor_moves_to_a_place_in_the_event_log_only,
    the_metrics_show_how_far_a_hanging_sink_is_behind,
}

/// Stores so many orders with two lines each: three events an order.
async fn write(store: &impl Store, orders: impl IntoIterator<Item = u64>) {
    for n in orders {
        let name = if n % 2 == 0 { "default" } else { "odd" };
        save(store, &tenant(name), order_with_lines(n, 2)).await.unwrap();
    }
}

async fn received(sink: &Recorder, until: u64) {
    eventually("the sink has all events", async || sink.has_all(until).then_some(())).await;
}

async fn a_sink_receives_every_event_of_all_tenants_in_order(store: impl Store) {
    write(&store, 1..=3).await;
    let sink = Recorder::new("sink");
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    received(&sink, 9).await;
    write(&store, 4..=40).await;
    received(&sink, 120).await;
    sink.assert_order_per_order();
    assert_eq!(sink.positions().len(), 120, "nothing is repeated");
    instance.wait_for("sink", 120).await;
    let status = instance.sink("sink").await;
    assert_eq!((status.state(), status.lag_events(), status.kind.as_str()), (SinkState::Running, 0, "broker"));
    assert_eq!(status.holder.as_deref(), Some("a"));
}

async fn a_sink_goes_on_at_its_cursor_after_a_restart(store: impl Store) {
    let sink = Recorder::new("sink");
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=3).await;
    received(&sink, 9).await;
    instance.stop().await;
    let stopped = store.sinks().await.unwrap();
    assert_eq!((stopped[0].position, stopped[0].state()), (9, SinkState::Unheld), "the stop stored the cursor");
    write(&store, 4..=5).await;
    let again = Instance::start(store.clone(), "b", [sink.clone()]);
    received(&sink, 15).await;
    again.wait_for("sink", 15).await;
    assert_eq!(sink.positions().len(), 15, "nothing is repeated");
}

async fn a_refused_event_is_repeated_and_the_later_events_of_its_order_wait_for_it(store: impl Store) {
    let sink = Recorder::new("sink");
    sink.refuse_once([2, 4, 5, 9]);
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=4).await;
    received(&sink, 12).await;
    sink.assert_order_per_order();
    instance.wait_for("sink", 12).await;
    assert_eq!((sink.positions().len(), sink.connections()), (12, 1), "only refused events are sent again");
    assert_eq!(instance.sink("sink").await.failure, None);
}

async fn a_poisoned_event_holds_the_cursor_and_its_own_order_only(store: impl Store) {
    let sink = Recorder::new("sink");
    sink.poison(4);
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=4).await;
    let expected = [1, 2, 3, 7, 8, 9, 10, 11, 12];
    eventually("the other orders", async || {
        let mut positions = sink.positions();
        positions.sort_unstable();
        (positions == expected).then_some(())
    })
    .await;
    instance.wait_for("sink", 3).await;
    eventually("the error", async || instance.sink("sink").await.failure).await;
    let status = instance.sink("sink").await;
    assert_eq!((status.position, status.state()), (3, SinkState::Failing));
    let (error, _) = status.failure.unwrap();
    assert_eq!(error, "the event at position 4: not this one");
    // An operator skips the event; the rest of the window is delivered again.
    assert_eq!(store.move_cursor("sink", CursorTarget::Position(4)).await.unwrap(), MovedCursor::To(4));
    instance.wait_for("sink", 12).await;
    assert_eq!(instance.sink("sink").await.state(), SinkState::Running);
}

async fn a_sink_that_is_away_is_retried_until_it_is_back_and_disturbs_no_other_one(store: impl Store) {
    let (sink, other) = (Recorder::new("sink"), Recorder::new("other"));
    sink.away(true);
    let instance = Instance::start(store.clone(), "a", [sink.clone(), other.clone()]);
    write(&store, 1..=3).await;
    received(&other, 9).await;
    let failure = eventually("the error", async || instance.sink("sink").await.failure).await;
    assert_eq!(failure.0, "nobody is there");
    assert_eq!(instance.sink("other").await.failure, None);
    sink.away(false);
    received(&sink, 9).await;
    instance.wait_for("sink", 9).await;
    assert_eq!(instance.sink("sink").await.state(), SinkState::Running);
    // The connection breaks, and nothing is on its way.
    sink.away(true);
    write(&store, 4..=4).await;
    eventually("the error", async || instance.sink("sink").await.failure).await;
    sink.away(false);
    received(&sink, 12).await;
    sink.assert_order_per_order();
}

async fn a_sink_that_panics_starts_again(store: impl Store) {
    let sink = Recorder::new("sink");
    sink.panic_at(5);
    let _instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=3).await;
    received(&sink, 9).await;
    sink.assert_order_per_order();
}

async fn a_paused_sink_receives_nothing_and_loses_nothing(store: impl Store) {
    let (sink, other) = (Recorder::new("sink"), Recorder::new("other"));
    let instance = Instance::start(store.clone(), "a", [sink.clone(), other.clone()]);
    write(&store, 1..=2).await;
    instance.wait_for("sink", 6).await;
    assert!(store.set_paused("sink", true).await.unwrap());
    assert!(!store.set_paused("none", true).await.unwrap());
    // Once the relay has seen it: the next renewal of the leases is after the pause.
    let mut n = 2;
    eventually("a write that the sink does not receive", async || {
        n += 1;
        write(&store, [n]).await;
        received(&other, 3 * n).await;
        instance.wait_for("other", 3 * n).await;
        (instance.sink("sink").await.position < 3 * n).then_some(())
    })
    .await;
    assert_eq!(instance.sink("sink").await.state(), SinkState::Paused);
    store.set_paused("sink", false).await.unwrap();
    received(&sink, 3 * n).await;
    sink.assert_order_per_order();
}

async fn a_sink_that_is_moved_back_receives_the_events_again(store: impl Store) {
    let sink = Recorder::new("sink");
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=4).await;
    instance.wait_for("sink", 12).await;
    assert_eq!(store.move_cursor("sink", CursorTarget::Position(6)).await.unwrap(), MovedCursor::To(6));
    let again = eventually("the events come again", async || {
        let positions = sink.positions();
        (positions.len() == 18).then_some(positions)
    })
    .await;
    let mut repeated = again[12..].to_vec();
    repeated.sort_unstable();
    assert_eq!(repeated, [7, 8, 9, 10, 11, 12]);
    instance.wait_for("sink", 12).await;
}

async fn a_cursor_moves_to_a_place_in_the_event_log_only(store: impl Store) {
    let sink = Recorder::new("sink");
    sink.away(true);
    let instance = Instance::start(store.clone(), "a", [sink]);
    write(&store, 1..=3).await;
    eventually("the sink has a cursor", async || store.sinks().await.unwrap().pop()).await;
    let to = async |target| store.move_cursor("sink", target).await.unwrap();
    assert_eq!(to(CursorTarget::Position(9)).await, MovedCursor::To(9));
    assert_eq!(to(CursorTarget::Position(10)).await, MovedCursor::OutOfRange { position: 10, first: 1, last: 9 });
    // Each event of the second order happened at its second or later.
    assert_eq!(to(CursorTarget::Time(created_at(2))).await, MovedCursor::To(3));
    assert_eq!(to(CursorTarget::Time(created_at(0))).await, MovedCursor::To(0));
    assert_eq!(to(CursorTarget::Time(created_at(50))).await, MovedCursor::To(9));
    assert_eq!(store.move_cursor("none", CursorTarget::Position(1)).await.unwrap(), MovedCursor::NoSuchSink);
    assert_eq!(instance.sink("sink").await.position, 9);
}

async fn the_metrics_show_how_far_a_hanging_sink_is_behind(store: impl Store) {
    let sink = Recorder::new("hanging");
    sink.silent(true);
    let instance = Instance::start(store.clone(), "a", [sink]);
    let order: OrderId = id(1);
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    change(&store, order, "MOUSE456").await.unwrap();
    eventually("the lag is the number of events", async || {
        let text = instance.ports.telemetry.render();
        let has = |line: &str| text.lines().any(|found| found == line);
        (has("orders_sink_lag_events{sink=\"hanging\"} 3") && has("orders_sink_held{sink=\"hanging\"} 1")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_sink_that_acknowledges_nothing_is_connected_again_after_ten_seconds() {
    let store = MemoryStore::default();
    let sink = Recorder::new("sink");
    sink.silent(true);
    let instance = Instance::start(store.clone(), "a", [sink.clone()]);
    write(&store, 1..=1).await;
    let (error, _) = eventually("the error", async || instance.sink("sink").await.failure).await;
    assert_eq!(error, "no acknowledgement within 10s");
    sink.silent(false);
    instance.wait_for("sink", 3).await;
    assert_eq!(sink.connections(), 2);
    sink.assert_order_per_order();
}
