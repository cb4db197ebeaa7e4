//! The log as every store keeps it.

use std::{collections::BTreeSet, sync::Arc, time::Duration as Pause};

use orders::{
    app::{
        AsOf, EVENT_TYPES, EventBus, EventFilter, EventStreamError, FollowEvents, FollowEventsRequest, FollowLog,
        HistoricalOrder, LoggedEvent, OrderDetails, Ports, ReadEvents, ReadEventsRequest, Store, Subscription,
    },
    domain::Order,
    infra::{InProcessBus, MemoryStore},
};
use time::Duration;

use super::{add_line, created_at, id, order_with_lines, save, stamp, support, tenant};
use crate::races::adapters;

promises! {
    the_log_has_every_event_once_by_position,
    a_reader_gets_what_the_filter_lets_through,
    a_page_goes_on_where_the_one_before_ended,
    the_history_of_an_order_is_its_own_events_by_version,
    every_kind_of_event_comes_back_as_it_was,
    an_order_is_read_as_it_was_at_each_time,
    who_follows_gets_what_is_there_and_what_comes,
    who_follows_without_a_position_gets_what_comes,
    what_the_bus_left_out_is_read_from_the_log,
    who_follows_before_anyone_reads_the_log_for_the_bus_misses_nothing,
    a_burst_that_is_too_much_for_the_bus_is_read_from_the_log,
    who_never_catches_up_is_given_up_at_a_position_to_resume_from,
}

async fn the_log_has_every_event_once_by_position(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 2)).await.unwrap();
    save(&store, &tenant("other"), order_with_lines(2, 0)).await.unwrap();
    let events = all(&store).await;
    let told: Vec<_> =
        events.iter().map(|e| (e.position, e.tenant.as_str(), e.version, e.event_type.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "default", 1, "order.created.v1"),
            (2, "default", 2, "order.item_added.v1"),
            (3, "default", 3, "order.item_added.v1"),
            (4, "other", 1, "order.created.v1"),
        ]
    );
    let bounds = store.log_bounds().await.unwrap();
    assert_eq!((bounds.first, bounds.last), (1, 4));
    assert_eq!(events.iter().map(|event| event.event_id).collect::<BTreeSet<_>>().len(), 4);
}

async fn a_reader_gets_what_the_filter_lets_through(store: impl Store) {
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    save(&store, &tenant("other"), order_with_lines(4, 1)).await.unwrap();
    let positions = async |filter: EventFilter, after: u64, until: u64, limit: usize| -> Vec<u64> {
        let slice = store.slice(&filter, after, until - after, limit).await.unwrap();
        assert!(slice.events.iter().all(|event| filter.admits(event)));
        // Where it goes on: behind the last event of a full slice, or else behind all that was looked through.
        let full = slice.events.last().filter(|_| slice.events.len() == limit);
        assert_eq!(slice.position, full.map_or(until.min(slice.bounds.last).max(after), |event| event.position));
        slice.events.iter().map(|event| event.position).collect()
    };
    let of = |name: &str| EventFilter { tenant: Some(tenant(name)), ..EventFilter::default() };
    assert_eq!(positions(of("default"), 0, 100, 100).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(positions(of("other"), 0, 100, 100).await, [7, 8]);
    assert_eq!(positions(of("default"), 2, 5, 100).await, [3, 4, 5]);
    assert_eq!(positions(EventFilter::default(), 5, u64::MAX, 2).await, [6, 7]);
    let created = EventFilter { types: vec!["order.created.v1"], ..of("default") };
    assert_eq!(positions(created.clone(), 0, 100, 100).await, [1, 3, 5]);
    assert_eq!(positions(EventFilter { order_id: Some(id(2)), ..of("default") }, 0, 100, 100).await, [3, 4]);
    assert_eq!(positions(EventFilter { order_id: Some(id(2)), ..of("default") }, 3, 100, 100).await, [4]);
    assert_eq!(positions(EventFilter { order_id: Some(id(2)), ..created }, 0, 100, 100).await, [3]);
    assert!(positions(EventFilter { order_id: Some(id(2)), ..of("other") }, 0, 100, 100).await.is_empty());
    let of_everyone = EventFilter { order_id: Some(id(4)), ..EventFilter::default() };
    assert_eq!(positions(of_everyone, 0, 100, 100).await, [7, 8]);
}

async fn a_page_goes_on_where_the_one_before_ended(store: impl Store) {
    for n in 1..=5 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    let ports = adapters(store);
    for (types, expected) in [(vec![], 15), (vec!["order.created.v1"], 5), (vec!["order.placed.v1"], 0)] {
        let filter = EventFilter { tenant: Some(tenant("default")), order_id: None, types };
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let asked = ReadEventsRequest { filter: filter.clone(), after, limit: 2 };
            let page = ReadEvents(&ports).execute(&asked).await.unwrap();
            assert!(page.events.len() <= 2);
            if page.position == after {
                break;
            }
            after = page.position;
            seen.extend(page.events.iter().map(|event| event.position));
        }
        assert_eq!((seen.len(), after), (expected, 15));
        assert!(seen.is_sorted());
    }
}

async fn the_history_of_an_order_is_its_own_events_by_version(store: impl Store) {
    for n in 1..=2 {
        save(&store, &tenant("default"), order_with_lines(n, 3)).await.unwrap();
    }
    let versions = async |name: &str, n, after, limit| -> Vec<u32> {
        let events = store.history(&tenant(name), id(n), after, limit).await.unwrap();
        events.iter().map(|event| event.version).collect()
    };
    assert_eq!(versions("default", 2, 0, 100).await, [1, 2, 3, 4]);
    assert_eq!(versions("default", 2, 1, 2).await, [2, 3]);
    assert!(versions("default", 2, 4, 100).await.is_empty());
    assert!(versions("other", 2, 0, 100).await.is_empty());
    assert!(versions("default", 3, 0, 100).await.is_empty());
}

/// A life with every kind of event.
fn whole_life(n: u64) -> Vec<Order> {
    let mut order = order_with_lines(n, 2);
    let mut then = vec![order.clone()];
    let at = |order: &Order| stamp(order.state().updated_at + Duration::seconds(1));
    order.change_quantity(1, 7.try_into().unwrap(), at(&order)).unwrap();
    then.push(order.clone());
    order.remove_item(2, at(&order)).unwrap();
    then.push(order.clone());
    add_line(&mut order, "MOUSE456");
    order.place(at(&order)).unwrap();
    then.push(order.clone());
    if n.is_multiple_of(2) {
        order.fulfil(at(&order)).unwrap();
    } else {
        order.cancel(Some("\"Wrong\" size — größer".parse().unwrap()), at(&order)).unwrap();
    }
    then.push(order);
    then
}

async fn every_kind_of_event_comes_back_as_it_was(store: impl Store) {
    let mut seen = BTreeSet::new();
    for n in 1..=2 {
        let order = whole_life(n).pop().unwrap();
        let expected = order.state().clone();
        // All at once: what was added is changed and removed in the same unit of work.
        save(&store, &tenant("default"), order).await.unwrap();
        assert_eq!(super::state(&store, &tenant("default"), id(n)).await, Some(expected.clone()));
        let folded = store.order_as_of(&tenant("default"), id(n), AsOf::Version(expected.version)).await.unwrap();
        assert_eq!(folded, HistoricalOrder::Order(OrderDetails::from(&expected)));
        for event in store.history(&tenant("default"), id(n), 0, 100).await.unwrap() {
            let told: serde_json::Value = serde_json::from_str(&event.cloud_event()).unwrap();
            assert!(told["data"].is_object() && !event.data.contains('\n'), "{told}");
            assert_eq!(told["sequence"], event.position.to_string());
            seen.insert(event.event_type);
        }
    }
    assert_eq!(seen, EVENT_TYPES.map(str::to_owned).into());
}

async fn an_order_is_read_as_it_was_at_each_time(store: impl Store) {
    let then = whole_life(1);
    save(&store, &tenant("default"), then.last().unwrap().clone()).await.unwrap();
    let read = async |time| store.order_as_of(&tenant("default"), id(1), AsOf::Time(time)).await.unwrap();
    for order in &then {
        assert_eq!(read(order.state().updated_at).await, HistoricalOrder::Order(order.state().into()));
    }
    assert_eq!(read(created_at(1) - Duration::microseconds(1)).await, HistoricalOrder::NotThen);
    assert_eq!(
        read(created_at(1) + Duration::days(1000)).await,
        HistoricalOrder::Order(then.last().unwrap().state().into())
    );
    let just_before = then[1].state().updated_at - Duration::microseconds(1);
    assert_eq!(read(just_before).await, HistoricalOrder::Order(then[0].state().into()));
}

async fn who_follows_gets_what_is_there_and_what_comes(store: impl Store) {
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    let ports = adapters(store.clone());
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { FollowLog(&ports).run().await }
    });
    let filter = EventFilter { tenant: Some(tenant("default")), ..EventFilter::default() };
    let request = FollowEventsRequest { filter, after: Some(1) };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    let mut seen = Vec::new();
    for n in 4..=8 {
        save(&store, &tenant(if n == 5 { "other" } else { "default" }), order_with_lines(n, 0)).await.unwrap();
        // Now and then it is given up, as a heartbeat does, and asked again.
        let _ = tokio::time::timeout(Pause::ZERO, stream.next()).await.map(|event| seen.push(event.unwrap().position));
    }
    while seen.last() != Some(&8) {
        seen.push(soon(stream.next()).await.unwrap().position);
    }
    assert_eq!(seen, [2, 3, 4, 6, 7, 8]);
    following.abort();
}

async fn who_follows_without_a_position_gets_what_comes(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 3)).await.unwrap();
    let ports = adapters(store.clone());
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { FollowLog(&ports).run().await }
    });
    let request = FollowEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    assert_eq!(stream.position(), 4);
    save(&store, &tenant("default"), order_with_lines(2, 0)).await.unwrap();
    assert_eq!(soon(stream.next()).await.unwrap().order_id, id(2));
    following.abort();
}

async fn what_the_bus_left_out_is_read_from_the_log(store: impl Store) {
    let ports = adapters(store.clone());
    let request = FollowEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    // It waits for the bus by now.
    tokio::time::timeout(Pause::from_millis(100), stream.next()).await.unwrap_err();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    ports.bus().publish(Arc::new(all(&store).await.pop().unwrap()));
    for expected in 1..=3 {
        assert_eq!(soon(stream.next()).await.unwrap().position, expected);
    }
}

async fn who_follows_before_anyone_reads_the_log_for_the_bus_misses_nothing(store: impl Store) {
    let ports = adapters(store.clone());
    let request = FollowEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Pause::from_millis(100), stream.next()).await.unwrap_err();
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    // Only now.
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { FollowLog(&ports).run().await }
    });
    for expected in 1..=2 {
        assert_eq!(soon(stream.next()).await.unwrap().position, expected);
    }
    following.abort();
}

/// Publishes the next so many events of the log that the store gets for it.
async fn burst<S: Store>(store: &S, bus: &InProcessBus, n: u64) {
    save(store, &tenant("default"), order_with_lines(n, 9)).await.unwrap();
    for event in store.tail((n - 1) * 10, 10).await.unwrap().events {
        bus.publish(Arc::new(event));
    }
}

async fn a_burst_that_is_too_much_for_the_bus_is_read_from_the_log(store: impl Store) {
    let mut ports = adapters(store.clone());
    ports.bus = InProcessBus::new(4);
    let request = FollowEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Pause::from_millis(100), stream.next()).await.unwrap_err();
    // As often as anyone likes, if the follower has everything in between.
    for n in 1..=20 {
        burst(&store, &ports.bus, n).await;
        for expected in n * 10 - 9..=n * 10 {
            assert_eq!(soon(stream.next()).await.unwrap().position, expected);
        }
        tokio::time::timeout(Pause::from_millis(10), stream.next()).await.unwrap_err();
    }
}

async fn who_never_catches_up_is_given_up_at_a_position_to_resume_from(store: impl Store) {
    let mut ports = adapters(store.clone());
    ports.bus = InProcessBus::new(4);
    let request = FollowEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = FollowEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Pause::from_millis(100), stream.next()).await.unwrap_err();
    let mut seen = 0;
    for n in 1.. {
        // Ten events come for each one that is taken.
        burst(&store, &ports.bus, n).await;
        match soon(stream.next()).await {
            Ok(event) => assert_eq!(event.position, seen + 1),
            Err(ended) => {
                assert!(matches!(ended, EventStreamError::Lagged(_)));
                break;
            }
        }
        seen += 1;
        assert!(n < 2000, "nobody gives the follower up");
    }
    assert_eq!(stream.position(), seen);
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_is_told_so_and_the_bus_keeps_no_more_than_its_capacity() {
    let bus = InProcessBus::new(4);
    let mut slow = bus.subscribe();
    let store = MemoryStore::default();
    save(&store, &tenant("default"), order_with_lines(1, 9)).await.unwrap();
    let events: Vec<_> = all(&store).await.into_iter().map(Arc::new).collect();
    for event in &events {
        bus.publish(event.clone());
    }
    let kept = events.iter().filter(|event| Arc::strong_count(event) > 1).count();
    assert_eq!(kept, 4);
    soon(slow.next()).await.unwrap_err();
}

/// The value of what has to come by itself.
pub(crate) async fn soon<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(Pause::from_secs(30), coming).await.expect("within 30 s")
}

pub(crate) async fn all(store: &impl Store) -> Vec<LoggedEvent> {
    store.tail(0, usize::MAX).await.unwrap().events
}

/// Reads the log from a position to its end, a few events at a time; asserts that none is missing on the way.
pub(crate) async fn read_on<P: Ports>(ports: &P, position: &mut u64) {
    loop {
        let asked = ReadEventsRequest { filter: EventFilter::default(), after: *position, limit: 7 };
        let page = ReadEvents(ports).execute(&asked).await.unwrap();
        for event in &page.events {
            assert_eq!(event.position, *position + 1, "a position was not there when the next one was");
            *position = event.position;
        }
        if page.events.is_empty() {
            return;
        }
    }
}
