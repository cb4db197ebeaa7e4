//! The read model `order_stats` and its projection.

use std::sync::Arc;

use orders::{
    app::{
        EventFilter, EventLog, EventSink, FirstPosition, Lease, LoggedEvent, NewSink, SinkConnection, SinkCursors,
        SinkKind, SinkState,
    },
    infra::{OrderStatsProjection, PgStore, RebuiltStats},
};
use sqlx::{query_scalar, raw_sql};

use crate::{
    on_postgres::verify::verified,
    recorder::Instance,
    setup::{all_events, change, id, order_with_lines, save, tenant},
    support::{Database, adapters::adapters, retire},
    workload::{self, Shared},
};

/// The differences between the figures and the orders.
async fn differences(database: &Database) -> i64 {
    let compared = "with o as (
            select tenant_id, date_trunc('hour', created_at) + floor(extract(minute from created_at) / 15) * interval '15 minutes'
                as quarter, status, currency, count(*) as orders, sum(units_count) as units, sum(total_amount) as amount
            from orders group by 1, 2, 3, 4
        ), s as (
            select tenant_id, quarter, status, currency, orders, units::numeric, amount from order_stats
            where orders <> 0 or units <> 0 or amount <> 0
        )
        select count(*) from ((table o except all table s) union all (table s except all table o)) as d";
    query_scalar(compared).fetch_one(&mut database.connect().await).await.unwrap()
}

fn with_figures(database: &Database, name: &str) -> Instance<PgStore> {
    Instance::with(database.store(), name, |relay| relay.with(OrderStatsProjection::new(database.store())))
}

async fn head(store: &PgStore) -> u64 {
    store.bounds(None).await.unwrap().last
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_follow_every_kind_of_change_and_equal_the_orders() {
    let database = Database::new().await;
    let store = database.store();
    let instance = with_figures(&database, "a");
    let orders = Arc::new(Shared::default());
    let writers = [7, 8, 9].map(|seed| {
        let (ports, orders) = (adapters(database.store()), orders.clone());
        tokio::spawn(async move { workload::write(&ports, &orders, seed, 400).await })
    });
    // Whatever the moment is, the figures are those of their position.
    for _ in 0..3 {
        let report = verified(&database).await;
        assert!(report.is_clean(), "{report}");
    }
    for writer in writers {
        writer.await.unwrap();
    }
    instance.wait_for("order_stats", head(&store).await).await;
    assert_eq!(differences(&database).await, 0);
    let status = instance.sink("order_stats").await;
    assert_eq!((status.state(), status.kind.as_str()), (SinkState::Running, "read_model"));
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn the_figures_of_a_database_that_has_orders_begin_with_a_snapshot_even_behind_retired_events() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=20 {
        save(&store, &tenant(if n % 2 == 0 { "default" } else { "other" }), order_with_lines(n, 2)).await.unwrap();
    }
    retire(&database, 30).await;
    let instance = with_figures(&database, "a");
    instance.wait_for("order_stats", 60).await;
    assert_eq!(differences(&database).await, 0);
    // The first events of this order are retired, so its change cannot be followed: a snapshot takes its place.
    change(&store, id(2), "MOUSE456").await.unwrap();
    instance.wait_for("order_stats", 61).await;
    assert_eq!(differences(&database).await, 0);
    change(&store, id(20), "MOUSE456").await.unwrap();
    instance.wait_for("order_stats", 62).await;
    assert_eq!(differences(&database).await, 0);
}

#[tokio::test]
async fn a_rebuild_beside_a_running_service_gives_the_same_figures() {
    let database = Database::new().await;
    let store = database.store();
    let instance = with_figures(&database, "a");
    let orders = Arc::new(Shared::default());
    let writing = tokio::spawn({
        let (ports, orders) = (adapters(database.store()), orders.clone());
        async move { workload::write(&ports, &orders, 3, 600).await }
    });
    for _ in 0..5 {
        let RebuiltStats { position, .. } = store.rebuild_order_stats().await.unwrap();
        assert!(position <= head(&store).await);
    }
    writing.await.unwrap();
    instance.wait_for("order_stats", head(&store).await).await;
    assert_eq!(differences(&database).await, 0);
    raw_sql("update order_stats set amount = amount + 1, orders = orders + 1 where status = 'open'")
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    let report = verified(&database).await;
    assert!(!report.is_clean() && report.to_string().contains("; the orders give -1"), "{report}");
    store.rebuild_order_stats().await.unwrap();
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_batch_counts_once_and_a_fenced_holder_changes_nothing() {
    let database = Database::new().await;
    let store = database.store();
    let sinks = [NewSink { name: "order_stats", kind: SinkKind::ReadModel, begins: FirstPosition::Snapshot }];
    let lease = store.renew_leases("a", &sinks).await.unwrap().pop().unwrap();
    let projection = OrderStatsProjection::new(database.store());
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    let mut connection = projection.connect(&lease).await.unwrap();
    assert_eq!(connection.cursor(), Some(1), "a snapshot");
    save(&store, &tenant("default"), order_with_lines(2, 2)).await.unwrap();
    let batch: Vec<Arc<LoggedEvent>> = all_events(&store).await.into_iter().skip(1).map(Arc::new).collect();
    // The same batch through another connection of the same lease, which was later.
    let mut late = projection.connect(&lease).await.unwrap();
    connection.send(&batch).await.unwrap();
    assert_eq!(connection.outcomes().await.unwrap().len(), 3);
    late.send(&batch).await.unwrap_err();
    assert_eq!(differences(&database).await, 0);
    let fenced = Lease { epoch: lease.epoch - 1, ..lease.clone() };
    let mut fenced = projection.connect(&fenced).await.unwrap();
    save(&store, &tenant("default"), order_with_lines(3, 1)).await.unwrap();
    let next: Vec<_> =
        store.slice(&EventFilter::default(), 4, 100, 100).await.unwrap().events.into_iter().map(Arc::new).collect();
    fenced.send(&next).await.unwrap_err();
    assert_eq!(store.sinks().await.unwrap().pop().unwrap().position, 4);
    connection.send(&next).await.unwrap();
    assert_eq!(differences(&database).await, 0);
}
