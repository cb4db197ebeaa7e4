//! Following the event log.

use std::{sync::Arc, time::Duration};

use orders::{
    app::{
        EventBus, EventFilter, EventStreamError, Ports, Publication, Store, SubscribeEvents, SubscribeEventsRequest,
        Subscription, TailEventLog,
    },
    infra::{InProcessBus, MemoryStore},
};

use crate::{
    promises::promises,
    setup::{all_events, id, order_with_lines, save, soon, tenant},
    support::adapters::adapters,
};

promises! {
    a_follower_gets_stored_events_and_then_new_ones,
    a_follower_without_a_position_gets_new_events,
    a_follower_reads_events_that_the_bus_skipped_from_the_event_log,
    a_follower_that_starts_before_the_bus_is_fed_misses_nothing,
    a_follower_reads_a_burst_beyond_the_capacity_of_the_bus_from_the_event_log,
    a_follower_that_never_catches_up_ends_at_a_position_to_resume_from,
}

async fn a_follower_gets_stored_events_and_then_new_ones(store: impl Store) {
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    let ports = adapters(store.clone());
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { TailEventLog(&ports).run().await }
    });
    let filter = EventFilter { tenant: Some(tenant("default")), ..EventFilter::default() };
    let request = SubscribeEventsRequest { filter, after: Some(1) };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    let mut seen = Vec::new();
    for n in 4..=8 {
        save(&store, &tenant(if n == 5 { "other" } else { "default" }), order_with_lines(n, 0)).await.unwrap();
        // A call is dropped now and then, as a heartbeat does.
        let _ = tokio::time::timeout(Duration::ZERO, stream.next())
            .await
            .map(|event| seen.push(event.unwrap().numbers.position));
    }
    while seen.last() != Some(&8) {
        seen.push(soon(stream.next()).await.unwrap().numbers.position);
    }
    assert_eq!(seen, [2, 3, 4, 6, 7, 8]);
    following.abort();
}

async fn a_follower_without_a_position_gets_new_events(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 3)).await.unwrap();
    let ports = adapters(store.clone());
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { TailEventLog(&ports).run().await }
    });
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    assert_eq!(stream.position(), 4);
    save(&store, &tenant("default"), order_with_lines(2, 0)).await.unwrap();
    assert_eq!(soon(stream.next()).await.unwrap().order_id, id(2));
    following.abort();
}

async fn a_follower_reads_events_that_the_bus_skipped_from_the_event_log(store: impl Store) {
    let ports = adapters(store.clone());
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    // From here on the follower waits for the bus.
    tokio::time::timeout(Duration::from_millis(100), stream.next()).await.unwrap_err();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    ports.bus().publish(Publication::Event(Arc::new(all_events(&store).await.pop().unwrap())));
    for expected in 1..=3 {
        assert_eq!(soon(stream.next()).await.unwrap().numbers.position, expected);
    }
}

async fn a_follower_that_starts_before_the_bus_is_fed_misses_nothing(store: impl Store) {
    let ports = adapters(store.clone());
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Duration::from_millis(100), stream.next()).await.unwrap_err();
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    // The bus is fed from here on.
    let following = tokio::spawn({
        let ports = ports.clone();
        async move { TailEventLog(&ports).run().await }
    });
    for expected in 1..=2 {
        assert_eq!(soon(stream.next()).await.unwrap().numbers.position, expected);
    }
    following.abort();
}

/// Stores the n-th order with ten events, and publishes all of them at once.
async fn burst<S: Store>(store: &S, bus: &InProcessBus, n: u64) {
    save(store, &tenant("default"), order_with_lines(n, 9)).await.unwrap();
    for event in store.tail((n - 1) * 10, 10).await.unwrap().events {
        bus.publish(Publication::Event(Arc::new(event)));
    }
}

async fn a_follower_reads_a_burst_beyond_the_capacity_of_the_bus_from_the_event_log(store: impl Store) {
    let mut ports = adapters(store.clone());
    ports.bus = InProcessBus::new(4);
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Duration::from_millis(100), stream.next()).await.unwrap_err();
    // This may happen any number of times, because the follower catches up in between.
    for n in 1..=20 {
        burst(&store, &ports.bus, n).await;
        for expected in n * 10 - 9..=n * 10 {
            assert_eq!(soon(stream.next()).await.unwrap().numbers.position, expected);
        }
        tokio::time::timeout(Duration::from_millis(10), stream.next()).await.unwrap_err();
    }
}

async fn a_follower_that_never_catches_up_ends_at_a_position_to_resume_from(store: impl Store) {
    let mut ports = adapters(store.clone());
    ports.bus = InProcessBus::new(4);
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: None };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    tokio::time::timeout(Duration::from_millis(100), stream.next()).await.unwrap_err();
    let mut seen = 0;
    for n in 1.. {
        // The follower takes one event of ten.
        burst(&store, &ports.bus, n).await;
        match soon(stream.next()).await {
            Ok(event) => assert_eq!(event.numbers.position, seen + 1),
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
async fn a_slow_subscriber_has_lagged_and_the_bus_keeps_no_more_than_its_capacity() {
    let bus = InProcessBus::new(4);
    let mut slow = bus.subscribe();
    let store = MemoryStore::default();
    save(&store, &tenant("default"), order_with_lines(1, 9)).await.unwrap();
    let events: Vec<_> = all_events(&store).await.into_iter().map(Arc::new).collect();
    for event in &events {
        bus.publish(Publication::Event(event.clone()));
    }
    let kept = events.iter().filter(|event| Arc::strong_count(event) > 1).count();
    assert_eq!(kept, 4);
    soon(slow.next()).await.unwrap_err();
}
