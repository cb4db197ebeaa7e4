//! The event log.

use std::collections::BTreeSet;

use orders::{
    app::{
        AsOf, Audience, EVENT_TYPES, EventFilter, HistoricalOrder, OrderDetails, ReadEvents, ReadEventsRequest, Store,
    },
    domain::Order,
};
use time::Duration;

use crate::{
    promises::promises,
    setup::{add_line, all_events, context, created_at, id, order_with_lines, save, state, tenant},
    support::adapters::adapters,
};

promises! {
    the_event_log_has_each_event_once_by_position,
    a_slice_has_the_events_that_match_the_filter,
    pages_of_events_join_without_gap_or_overlap,
    the_history_of_an_order_is_its_events_by_version,
    every_kind_of_event_is_stored_and_replayed,
    as_of_a_time_gives_the_order_at_that_time,
}

async fn the_event_log_has_each_event_once_by_position(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 2)).await.unwrap();
    save(&store, &tenant("other"), order_with_lines(2, 0)).await.unwrap();
    let events = all_events(&store).await;
    let seen_events: Vec<_> =
        events.iter().map(|e| (e.numbers.position, e.tenant.as_str(), e.version, e.event_type.as_str())).collect();
    assert_eq!(
        seen_events,
        [
            (1, "default", 1, "order.created.v1"),
            (2, "default", 2, "order.item_added.v1"),
            (3, "default", 3, "order.item_added.v1"),
            (4, "other", 1, "order.created.v1"),
        ]
    );
    let bounds = store.bounds(None).await.unwrap();
    assert_eq!((bounds.first, bounds.last), (1, 4));
    assert_eq!(events.iter().map(|event| event.event_id).collect::<BTreeSet<_>>().len(), 4);
}

async fn a_slice_has_the_events_that_match_the_filter(store: impl Store) {
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    save(&store, &tenant("other"), order_with_lines(4, 1)).await.unwrap();
    let positions = async |filter: EventFilter, after: u64, until: u64, limit: usize| -> Vec<u64> {
        let slice = store.slice(&filter, after, until - after, limit).await.unwrap();
        assert!(slice.events.iter().all(|event| filter.admits(event)));
        // The next slice begins behind the last event of a full one, or else behind the positions that were searched.
        let full = slice.events.last().filter(|_| slice.events.len() == limit);
        assert_eq!(slice.position, full.map_or(until.min(slice.bounds.last).max(after), |event| filter.number(event)));
        slice.events.iter().map(|event| filter.number(event)).collect()
    };
    let of = |name: &str| EventFilter { tenant: Some(tenant(name)), ..EventFilter::default() };
    assert_eq!(positions(of("default"), 0, 100, 100).await, [1, 2, 3, 4, 5, 6]);
    // A tenant counts its own events.
    assert_eq!(positions(of("other"), 0, 100, 100).await, [1, 2]);
    assert_eq!(positions(of("other"), 1, 100, 100).await, [2]);
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

async fn pages_of_events_join_without_gap_or_overlap(store: impl Store) {
    for n in 1..=5 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    let ports = adapters(store);
    for (types, expected) in [(vec![], 15), (vec!["order.created.v1"], 5), (vec!["order.placed.v1"], 0)] {
        let filter = EventFilter { tenant: Some(tenant("default")), order_id: None, types };
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let request = ReadEventsRequest { filter: filter.clone(), after, limit: 2 };
            let page = ReadEvents(&ports).execute(&request).await.unwrap();
            assert!(page.events.len() <= 2);
            if page.position == after {
                break;
            }
            after = page.position;
            seen.extend(page.events.iter().map(|event| event.numbers.position));
        }
        assert_eq!((seen.len(), after), (expected, 15));
        assert!(seen.is_sorted());
    }
}

async fn the_history_of_an_order_is_its_events_by_version(store: impl Store) {
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

/// The states of an order whose life has every kind of event.
fn whole_life(n: u64) -> Vec<Order> {
    let mut order = order_with_lines(n, 2);
    let mut then = vec![order.clone()];
    let at = |order: &Order| context(order.state().updated_at + Duration::seconds(1));
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

async fn every_kind_of_event_is_stored_and_replayed(store: impl Store) {
    let mut seen = BTreeSet::new();
    for n in 1..=2 {
        let order = whole_life(n).pop().unwrap();
        let expected = order.state().clone();
        // One unit of work adds, changes and removes the same lines.
        save(&store, &tenant("default"), order).await.unwrap();
        assert_eq!(state(&store, &tenant("default"), id(n)).await, Some(expected.clone()));
        let folded = store.order_as_of(&tenant("default"), id(n), AsOf::Version(expected.version)).await.unwrap();
        assert_eq!(folded, HistoricalOrder::Order(OrderDetails::from(&expected)));
        for event in store.history(&tenant("default"), id(n), 0, 100).await.unwrap() {
            let sent: serde_json::Value = serde_json::from_str(&event.cloud_event(Audience::Tenant)).unwrap();
            assert!(sent["data"].is_object() && !event.data.contains('\n'), "{sent}");
            assert_eq!(sent["sequence"], format!("{:019}", event.numbers.sequence));
            seen.insert(event.event_type);
        }
    }
    assert_eq!(seen, EVENT_TYPES.map(str::to_owned).into());
}

async fn as_of_a_time_gives_the_order_at_that_time(store: impl Store) {
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
