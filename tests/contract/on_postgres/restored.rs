//! A database that is restored from an older state while the service runs.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use orders::{
    app::{
        Adapters, EventFilter, EventStreamError, ReadEventsError, SubscribeEvents, SubscribeEventsRequest,
        TailEventLog, Telemetry,
    },
    infra::log_events,
};

use crate::{
    setup::{id, order_with_lines, save, soon, tenant},
    support::{Database, adapters::adapters, eventually, restore},
};

/// Keeps the last position that the sink has received.
#[derive(Clone, Debug, Default)]
struct Delivered(Arc<AtomicU64>);

impl Telemetry for Delivered {
    fn lost_race(&self) {}

    fn retried(&self) {}

    fn replayed(&self) {}

    fn published(&self, _position: u64) {}

    fn delivered(&self, _sink: &'static str, position: u64) {
        self.0.store(position, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn followers_of_the_process_continue_at_the_end_of_a_restored_event_log() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    let delivered = Delivered::default();
    let Adapters { store, pricing, clock, ids, bus, telemetry: _, access, limits, rules } = adapters(store);
    let telemetry = delivered.clone();
    let ports = Adapters { store, pricing, clock, ids, bus, telemetry, access, limits, rules };
    let tail = ports.clone();
    let following =
        [tokio::spawn(async move { TailEventLog(&tail).run().await }), tokio::spawn(log_events(ports.clone()))];
    let sink_is_at = async |position: u64| {
        eventually("the sink is there", async || (delivered.0.load(Ordering::Relaxed) == position).then_some(())).await;
    };
    let follow = async |after| {
        let request = SubscribeEventsRequest { filter: EventFilter::default(), after };
        SubscribeEvents(&ports).execute(request).await
    };
    sink_is_at(9).await;
    let (mut ahead, mut behind) = (follow(None).await.unwrap(), follow(Some(3)).await.unwrap());

    restore(&database, 3).await;
    let ended = soon(ahead.next()).await.unwrap_err();
    assert!(matches!(ended, EventStreamError::Read(ReadEventsError::Ahead { last: 3 })), "{ended}");
    assert!(matches!(follow(Some(4)).await.unwrap_err(), ReadEventsError::Ahead { last: 3 }));
    sink_is_at(3).await;

    save(&ports.store, &tenant("default"), order_with_lines(4, 0)).await.unwrap();
    sink_is_at(4).await;
    // A follower that had nothing of what is gone goes on.
    let next = soon(behind.next()).await.unwrap();
    assert_eq!((next.numbers.position, next.order_id), (4, id(4)));
    for task in following {
        task.abort();
    }
}
