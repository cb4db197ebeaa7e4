//! What an earlier release wrote, and what one writes beside this release during an upgrade.

use futures_util::future::join_all;
use orders::app::{EventFilter, EventLog, Numbers};
use sqlx::raw_sql;

use crate::{
    setup::{all_events, id, order_with_lines, save, tenant},
    support::Database,
};

use super::verify::verified;

/// As the releases before sequences insert an event: they name neither a sequence nor an actor.
const OLD_RELEASE: &str = "
    with created as (
        insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount,
            last_line, version, created_at, updated_at)
        values ('default', gen_random_uuid(), 'c', 'open', 'EUR', 0, 0, 0, 0, 1, '2026-01-31 12:00Z', '2026-01-31 12:00Z')
        returning order_id
    ), head as (
        update event_head set position = position + 1 where (select count(*) from created) >= 0 returning position
    )
    insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
    select head.position, gen_random_uuid(), 'default', created.order_id, 1, 'order.created.v1',
        '{\"customer_id\": \"c\", \"currency\": \"EUR\"}', '2026-01-31 12:00Z'
    from head, created";

#[tokio::test]
async fn events_from_before_sequences_count_by_their_positions() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    raw_sql("update order_events set sequence = null").execute(&mut database.connect().await).await.unwrap();
    save(&store, &tenant("default"), order_with_lines(4, 0)).await.unwrap();
    let own = EventFilter { tenant: Some(tenant("default")), ..EventFilter::default() };
    let slice = store.slice(&own, 4, 100, 100).await.unwrap();
    let seen: Vec<_> = slice.events.iter().map(|event| (event.order_id, event.numbers)).collect();
    let numbers = |number| Numbers { position: number, sequence: number };
    assert_eq!(seen, [(id(3), numbers(5)), (id(3), numbers(6)), (id(4), numbers(7))]);
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_the_previous_release_writes_beside_this_one_and_every_number_stays_dense() {
    let database = Database::new().await;
    let store = database.store();
    let old = (0..4).map(async |_| {
        let mut connection = database.connect().await;
        for _ in 0..25 {
            raw_sql(OLD_RELEASE).execute(&mut connection).await.unwrap();
        }
    });
    let new = (1..=100).map(async |n| {
        let tenant = tenant(if n % 3 == 0 { "other" } else { "default" });
        save(&store, &tenant, order_with_lines(n, 1)).await.unwrap();
    });
    // No deadlock, either: both lock the head of the event log first.
    tokio::join!(join_all(old), join_all(new));
    let report = verified(&database).await;
    assert!(report.is_clean() && report.events == 300, "{report}");
    assert_eq!(all_events(&store).await.len(), 300);
}
