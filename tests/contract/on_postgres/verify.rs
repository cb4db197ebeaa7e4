//! What `orders verify` finds in a database.

use std::{collections::BTreeSet, sync::Arc};

use orders::{
    app::{AsOf, HistoricalOrder, OrderQueries},
    infra::{VerifyError, VerifyReport, verify},
};
use sqlx::AssertSqlSafe;

use crate::{
    setup::{order_with_lines, save, tenant},
    support::{Database, adapters::adapters, retire},
    workload::{self, Shared},
};

pub(crate) async fn verified(database: &Database) -> VerifyReport {
    verify(&database.options, |_| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_nothing_after_a_random_workload() {
    let database = Database::new().await;
    let orders = Arc::new(Shared::default());
    workload::write(&adapters(database.store()), &orders, 7, 1500).await;
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.orders, orders.lock().unwrap().len() as u64);
    assert!(report.events > 1000 && report.head.cast_unsigned() == report.events, "{report}");
    // The read side says the same: the events of each order fold to the order.
    let store = database.store();
    let orders = orders.lock().unwrap().clone();
    let mut statuses = BTreeSet::new();
    for order_id in orders {
        let now = store.order(&tenant("default"), order_id).await.unwrap().unwrap();
        let folded = store.order_as_of(&tenant("default"), order_id, AsOf::Version(now.summary.version)).await.unwrap();
        statuses.insert(now.summary.status.clone());
        assert_eq!(folded, HistoricalOrder::Order(now));
    }
    assert_eq!(statuses.len(), 4, "{statuses:?}");
}

#[tokio::test]
async fn verify_reads_every_page_of_orders() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=600 {
        save(&store, &tenant(if n % 2 == 0 { "default" } else { "other" }), order_with_lines(n, 1)).await.unwrap();
    }
    let report = verified(&database).await;
    assert!(report.is_clean() && report.orders == 600 && report.events == 1200, "{report}");
}

#[tokio::test]
async fn verify_finds_every_kind_of_tampering() {
    let tampered = [
        (
            "delete from order_events where position = 3",
            vec!["position 3 is missing", "cannot be replayed at version 4"],
        ),
        (
            "delete from order_events where order_id = (select max(order_id::text)::uuid from orders)",
            vec!["has no events", "positions 5 to 8 are missing"],
        ),
        ("update event_head set position = 7", vec!["the head is at position 7, but the event log goes on to 8"]),
        ("update event_head set position = 9", vec!["position 9 is missing"]),
        (
            "update event_head set position = 9223372036854775807",
            vec!["positions 9 to 9223372036854775807 are missing"],
        ),
        (
            "delete from order_events where position = 1",
            vec!["position 1 is missing", "cannot be replayed at version 2"],
        ),
        (
            "update order_events set position = 9223372036854775807 where position = 8",
            vec!["goes on to 9223372036854775807", "positions 8 to 9223372036854775806 are missing"],
        ),
        ("delete from event_head", vec!["event_head has 0 rows"]),
        ("update tenant_heads set sequence = 9", vec!["the head of tenant default is at sequence 9, but its last event has 8"]),
        ("delete from tenant_heads", vec!["the head of tenant default is at sequence 0, but its last event has 8"]),
        (
            "update order_events set sequence = 20 where position = 8; update tenant_heads set sequence = 20",
            vec!["the events of tenant default have the sequences 1 to 20, but there are 8 of them"],
        ),
        (
            "update order_events set sequence = case position when 4 then 105 when 5 then 104 end where position in (4, 5);
            update order_events set sequence = sequence - 100 where sequence > 100",
            vec!["the sequences of tenant default are not in the order of the positions at position 5"],
        ),
        (
            "update order_events set position = -position + 100 where version in (2, 3) and position < 5",
            vec!["positions 2 to 3 are missing", "goes on to 98"],
        ),
        ("update orders set total_amount = total_amount + 0.01", vec!["replay of its events: the totals"]),
        ("update orders set units_count = units_count + 1", vec!["replay of its events: the totals"]),
        ("update orders set status = 'placed'", vec!["replay of its events: status"]),
        ("update orders set version = version + 1", vec!["replay of its events: version"]),
        ("update orders set customer_id = 'someone'", vec!["replay of its events: customer_id"]),
        ("update orders set updated_at = updated_at + interval '1 us'", vec!["replay of its events: updated_at"]),
        ("update orders set last_line = last_line + 1", vec!["replay of its events: last_line"]),
        ("update order_items set quantity = 9 where line = 2", vec!["replay of its events: the items"]),
        ("update order_items set unit_price = 1 where line = 2", vec!["replay of its events: the items"]),
        ("delete from order_items where line = 1", vec!["replay of its events: the items"]),
        (
            "update order_events set payload = payload || '{\"quantity\": 0}' where version = 2",
            vec!["quantity of an event"],
        ),
        ("update order_events set type = 'order.sung.v1' where version = 2", vec!["unknown event type order.sung.v1"]),
        ("delete from order_items; delete from orders", vec!["has events and is not in the table"]),
    ];
    for (statement, expected) in tampered {
        let database = Database::new().await;
        let store = database.store();
        for n in 1..=2 {
            save(&store, &tenant("default"), order_with_lines(n, 3)).await.unwrap();
        }
        assert!(verified(&database).await.is_clean());
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut database.connect().await).await.unwrap();
        let report = verified(&database).await;
        assert!(!report.is_clean() && report.found == report.findings().len() as u64, "{statement}: {report}");
        for text in expected {
            assert!(report.to_string().contains(text), "{statement}: no {text:?} in {report}");
        }
    }
}

#[tokio::test]
async fn verify_counts_retired_orders_apart_from_wrong_ones() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=2 {
        save(&store, &tenant("default"), order_with_lines(n, 3)).await.unwrap();
    }
    retire(&database, 2).await;
    let report = verified(&database).await;
    assert!(report.is_clean() && report.retired == 1 && report.retired_to == 2, "{report}");
    retire(&database, 7).await;
    let report = verified(&database).await;
    assert!(report.is_clean() && report.retired == 2 && report.events == 1, "{report}");
}

#[tokio::test]
async fn verify_fails_on_a_database_without_the_schema() {
    let database = Database::empty().await;
    assert!(matches!(verify(&database.options, |_| {}).await, Err(VerifyError::Schema)));
}

#[tokio::test]
async fn the_report_about_an_empty_database_names_no_positions() {
    let database = Database::new().await;
    let report = verify(&database.options, |_| {}).await.unwrap().to_string();
    assert!(report.starts_with("positions  none\n"), "{report}");
}
