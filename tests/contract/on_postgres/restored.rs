//! A database that is restored from an older state while the service runs.

use orders::{
    app::{
        EventFilter, EventStreamError, ReadEventsError, SinkCursors, SubscribeEvents, SubscribeEventsRequest,
        TailEventLog,
    },
    infra::{LogLines, Relay},
};

use crate::{
    setup::{id, order_with_lines, save, soon, tenant},
    support::{Database, adapters::adapters, eventually, restore},
};

#[tokio::test]
async fn followers_of_the_process_continue_at_the_end_of_a_restored_event_log() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    let ports = adapters(store);
    let (tail, relay) = (ports.clone(), Relay::new(ports.clone(), "instance".to_owned()).with(LogLines));
    let following = [
        tokio::spawn(async move { match TailEventLog(&tail).run().await {} }),
        tokio::spawn(relay.run(std::future::pending())),
    ];
    let sink_is_at = async |position: u64| {
        eventually("the sink is there", async || {
            let sinks = ports.store.sinks().await.unwrap();
            sinks.iter().any(|sink| sink.position == position).then_some(())
        })
        .await;
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
