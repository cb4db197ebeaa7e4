//! Many tenants in one event log: each counts its own events.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use orders::{
    app::{EventFilter, Numbers, Publication, Store, SubscribeEvents, SubscribeEventsRequest, TailEventLog},
    domain::{Actor, TenantId},
};

use crate::{
    promises::promises,
    setup::{all_events, id, order_with_lines, save, soon, tenant},
    support::adapters::adapters,
};

promises! {
    the_sequences_of_each_tenant_are_dense_and_in_the_order_of_the_positions,
    a_tenant_reads_its_part_by_its_own_numbers,
    an_event_has_the_actor_of_its_unit_of_work,
    a_stream_of_one_tenant_has_its_events_and_no_others,
    a_stream_that_opens_before_anybody_publishes_misses_no_event_of_its_tenant,
}

fn of(name: &str) -> EventFilter {
    EventFilter { tenant: Some(tenant(name)), ..EventFilter::default() }
}

async fn the_sequences_of_each_tenant_are_dense_and_in_the_order_of_the_positions(store: impl Store) {
    // Names whose order differs between byte order and most collations.
    let tenants: Vec<TenantId> = ["a_b", "a-b", "ab", "a0", "b", "a"].map(tenant).into();
    let commits = (1..=60).map(|n| {
        let (store, tenant) = (store.clone(), tenants[usize::try_from(n % 7 % 6).unwrap()].clone());
        async move { save(&store, &tenant, order_with_lines(n, usize::try_from(n % 3).unwrap())).await.unwrap() }
    });
    join_all(commits).await;
    let mut next = BTreeMap::<TenantId, u64>::new();
    for (position, event) in (1..).zip(all_events(&store).await) {
        let sequence = next.entry(event.tenant).or_insert(1);
        assert_eq!(event.numbers, Numbers { position, sequence: *sequence });
        *sequence += 1;
    }
    assert_eq!(next.len(), tenants.len());
    for (tenant, next) in next {
        let bounds = store.bounds(Some(&tenant)).await.unwrap();
        assert_eq!((bounds.first, bounds.last), (1, next - 1), "{tenant}");
    }
    let nobody = store.bounds(Some(&tenant("nobody"))).await.unwrap();
    assert_eq!((nobody.first, nobody.last), (1, 0));
}

async fn a_tenant_reads_its_part_by_its_own_numbers(store: impl Store) {
    for n in 1..=6 {
        save(&store, &tenant(if n % 2 == 0 { "even" } else { "odd" }), order_with_lines(n, 0)).await.unwrap();
    }
    let slice = store.slice(&of("even"), 1, 100, 100).await.unwrap();
    let seen: Vec<_> = slice.events.iter().map(|event| (event.order_id, event.numbers)).collect();
    let numbers = |position, sequence| Numbers { position, sequence };
    assert_eq!(seen, [(id(4), numbers(4, 2)), (id(6), numbers(6, 3))]);
    assert_eq!((slice.bounds.last, slice.position), (3, 3));
    let history = store.history(&tenant("odd"), id(5), 0, 10).await.unwrap();
    assert_eq!(history.iter().map(|event| event.numbers).collect::<Vec<_>>(), [numbers(5, 3)]);
}

async fn an_event_has_the_actor_of_its_unit_of_work(store: impl Store) {
    let actor = Actor { authtype: "user".into(), authid: "ann \"the boss\" müller".to_owned() };
    let mut uow = store.begin(&tenant("default"), Some(actor.clone()));
    uow.save(order_with_lines(1, 1)).unwrap();
    uow.commit().await.unwrap();
    save(&store, &tenant("default"), order_with_lines(2, 0)).await.unwrap();
    let actors = [Some(actor.clone()), Some(actor), None];
    let seen: Vec<_> = all_events(&store).await.into_iter().map(|event| event.cause.actor).collect();
    assert_eq!(seen, actors);
    let slice = store.slice(&of("default"), 0, 100, 100).await.unwrap();
    assert_eq!(slice.events.into_iter().map(|event| event.cause.actor).collect::<Vec<_>>(), actors);
}

async fn a_stream_of_one_tenant_has_its_events_and_no_others(store: impl Store) {
    let ports = adapters(store.clone());
    save(&store, &tenant("other"), order_with_lines(1, 2)).await.unwrap();
    save(&store, &tenant("own"), order_with_lines(2, 0)).await.unwrap();
    let request = SubscribeEventsRequest { filter: of("own"), after: Some(0) };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    assert_eq!(soon(stream.next()).await.unwrap().order_id, id(2));
    for n in 3..=6 {
        save(&store, &tenant(if n % 2 == 0 { "own" } else { "other" }), order_with_lines(n, 1)).await.unwrap();
    }
    // The follower publishes the events of all tenants.
    for event in all_events(&store).await {
        orders::app::EventBus::publish(&ports.bus, Publication::Event(event.into()));
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(soon(stream.next()).await.unwrap().numbers.sequence);
    }
    assert_eq!((seen, stream.position()), (vec![2, 3, 4, 5], 5));
}

async fn a_stream_that_opens_before_anybody_publishes_misses_no_event_of_its_tenant(store: impl Store) {
    let ports = adapters(store.clone());
    let request = SubscribeEventsRequest { filter: of("own"), after: Some(0) };
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    save(&store, &tenant("own"), order_with_lines(1, 0)).await.unwrap();
    assert_eq!(soon(stream.next()).await.unwrap().order_id, id(1));
    let next = tokio::spawn(async move { soon(stream.next()).await });
    // The stream has read the event log now. In memory at least: a database may take longer.
    tokio::task::yield_now().await;
    save(&store, &tenant("own"), order_with_lines(2, 0)).await.unwrap();
    // The newest event is one of another tenant.
    save(&store, &tenant("other"), order_with_lines(3, 0)).await.unwrap();
    let follower = tokio::spawn(async move { TailEventLog(&ports).run().await });
    assert_eq!(next.await.unwrap().unwrap().order_id, id(2));
    follower.abort();
}
