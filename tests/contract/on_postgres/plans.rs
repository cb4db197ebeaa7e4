//! PostgreSQL finds the orders of a list among 100,000 by an index, and sorts nothing.

use orders::{
    app::{EventFilter, EventLog, ListOrders, OrderFilter, OrderQueries},
    domain::OrderId,
};

use sqlx::AssertSqlSafe;

use crate::{
    setup::{created_at, tenant},
    support::Database,
};

#[tokio::test]
async fn every_filter_of_a_list_is_served_by_an_index() {
    let database = Database::new().await;
    sqlx::raw_sql(HUNDRED_THOUSAND_ORDERS).execute(&mut database.connect().await).await.unwrap();
    // For a prepared statement PostgreSQL chooses a plan for the values of each call, or one plan for all values.
    let mut expected = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let store = database.store_with().explained(mode).build();
        for customer_id in [None, Some("customer-7".parse().unwrap())] {
            for status in [None, Some("open".parse().unwrap())] {
                for (created_from, created_to) in [(None, None), (Some(created_at(1000)), Some(created_at(90_000)))] {
                    for before in [None, Some(OrderId::first_at(created_at(50_000)))] {
                        let filter = OrderFilter { customer_id: customer_id.clone(), status, created_from, created_to };
                        let page = store.orders(&tenant("default"), &filter, before, 51).await.unwrap();
                        assert_eq!(page.len(), 51);
                        expected.push(match (&filter.customer_id, filter.status) {
                            (None, None) => "orders_pkey ",
                            (Some(_), None) => "orders_by_customer ",
                            (None, Some(_)) => "orders_by_status ",
                            (Some(_), Some(_)) => "orders_by_customer_and_status ",
                        });
                    }
                }
            }
        }
    }
    let plans = database.plans();
    assert_eq!(plans.len(), 32);
    for (plan, index) in plans.iter().zip(expected) {
        assert!(plan.contains(&format!("Index Scan Backward using {index}")), "not by {index}: {plan}");
        // Every filter is in the condition of the index: PostgreSQL reads no row that the list does not show.
        assert!(!plan.contains("Filter") && !plan.contains("Seq Scan") && !plan.contains("Sort"), "{plan}");
    }
}

/// 100 events of one tenant among 100,000 of another one.
const LOUD_AND_QUIET: &str = "
    insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
    select n, case n % 1000 when 0 then n / 1000 else n - n / 1000 end, gen_random_uuid(),
        case n % 1000 when 0 then 'quiet' else 'loud' end, gen_random_uuid(), 1, 'order.created.v1', '{}', now()
    from generate_series(1, 100000) as n;
    insert into tenant_heads values ('quiet', 100), ('loud', 99900);
    update event_head set position = 100000;
    analyze order_events";

#[tokio::test]
async fn a_tenant_reads_its_part_of_the_event_log_by_an_index_and_nothing_of_the_others() {
    let database = Database::new().await;
    sqlx::raw_sql(LOUD_AND_QUIET).execute(&mut database.connect().await).await.unwrap();
    let quiet = EventFilter { tenant: Some(tenant("quiet")), ..EventFilter::default() };
    let created = EventFilter { types: vec!["order.created.v1"], ..quiet.clone() };
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let store = database.store_with().explained(mode).build();
        for filter in [&quiet, &created] {
            let slice = store.slice(filter, 0, 10_000, 1000).await.unwrap();
            assert_eq!((slice.events.len(), slice.position, slice.bounds.first), (100, 100, 1));
        }
        store.bounds(Some(&tenant("quiet"))).await.unwrap();
    }
    let plans = database.plans();
    assert_eq!(plans.len(), 6);
    for plan in plans {
        assert!(plan.contains("Index Scan using order_events_by_sequence"), "{plan}");
        assert!(!plan.contains("Seq Scan on order_events") && !plan.contains("order_events_pkey"), "{plan}");
    }
}

#[tokio::test]
async fn the_largest_page_is_whole_and_shows_that_another_one_follows() {
    let database = Database::new().await;
    sqlx::raw_sql(AssertSqlSafe(HUNDRED_THOUSAND_ORDERS.replace("100000", "300")))
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    let most = ListOrders::<()>::MAX_LIMIT + 1;
    let page = database.store().orders(&tenant("default"), &OrderFilter::default(), None, most).await.unwrap();
    assert_eq!(page.len(), most);
}

/// Ten customers, two thirds of the orders open, one order a second. The ids contain the time, as those of the service do.
const HUNDRED_THOUSAND_ORDERS: &str = "
    insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount,
        last_line, version, created_at, updated_at)
    select
        'default',
        (lpad(to_hex((extract(epoch from o.at) * 1000)::bigint), 12, '0') || '7000a000' || lpad(to_hex(o.n), 12, '0'))::uuid,
        'customer-' || o.n % 10,
        case when o.n % 3 = 0 then 'placed' else 'open' end,
        'EUR', 0, 0, 0, 0, 1, o.at, o.at
    from (
        select n, timestamptz '2026-01-31 12:00:00+00' + n * interval '1 second' as at from generate_series(1, 100000) as n
    ) as o;
    analyze orders;";
