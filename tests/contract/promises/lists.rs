//! Lists of orders.

use orders::app::{OrderFilter, Store};

use crate::{
    promises::promises,
    setup::{created_at, id, list, order_with_lines, save, state, tenant},
};

promises! {
    a_list_shows_one_tenant_newest_first,
    pages_join_without_gap_or_overlap,
    a_list_shows_the_orders_that_match_every_filter,
    a_count_uses_the_same_filters_as_a_list,
}

async fn a_list_shows_one_tenant_newest_first(store: impl Store) {
    for n in [2, 1, 3] {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    save(&store, &tenant("other"), order_with_lines(4, 1)).await.unwrap();

    assert_eq!(list(&store, "default", &OrderFilter::default()).await, [id(3), id(2), id(1)]);
    assert_eq!(list(&store, "other", &OrderFilter::default()).await, [id(4)]);
    assert_eq!(store.order(&tenant("other"), id(1)).await.unwrap(), None);
    assert_eq!(state(&store, &tenant("other"), id(1)).await, None);
}

async fn pages_join_without_gap_or_overlap(store: impl Store) {
    for n in 1..=7 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let before = seen.last().copied();
        let page = store.orders(&tenant("default"), &OrderFilter::default(), before, 3).await.unwrap();
        // A new order is newer than all pages that follow.
        save(&store, &tenant("default"), order_with_lines(100 + u64::try_from(seen.len()).unwrap(), 0)).await.unwrap();
        seen.extend(page.iter().map(|order| order.order_id));
        if page.len() < 3 {
            break;
        }
    }
    assert_eq!(seen, (1..=7).rev().map(id).collect::<Vec<_>>());
}

async fn a_list_shows_the_orders_that_match_every_filter(store: impl Store) {
    for n in 1..=6 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    let none = OrderFilter::default();
    let even = OrderFilter { customer_id: Some("customer-0".parse().unwrap()), ..none.clone() };
    assert_eq!(list(&store, "default", &even).await, [id(6), id(4), id(2)]);

    let times = OrderFilter { created_from: Some(created_at(2)), created_to: Some(created_at(5)), ..none.clone() };
    assert_eq!(list(&store, "default", &times).await, [id(4), id(3), id(2)]);
    assert_eq!(
        list(&store, "default", &OrderFilter { customer_id: even.customer_id.clone(), ..times.clone() }).await,
        [id(4), id(2)]
    );

    let open = OrderFilter { status: Some("open".parse().unwrap()), ..even.clone() };
    assert_eq!(list(&store, "default", &open).await, [id(6), id(4), id(2)]);
    let placed = OrderFilter { status: Some("placed".parse().unwrap()), ..none.clone() };
    assert!(list(&store, "default", &placed).await.is_empty());
    let backwards = OrderFilter { created_from: times.created_to, created_to: times.created_from, ..none };
    assert!(list(&store, "default", &backwards).await.is_empty());
}

async fn a_count_uses_the_same_filters_as_a_list(store: impl Store) {
    for n in 1..=5 {
        save(&store, &tenant("default"), order_with_lines(n, 0)).await.unwrap();
    }
    let none = OrderFilter::default();
    let filters = [
        (none.clone(), 5),
        (OrderFilter { customer_id: Some("customer-1".parse().unwrap()), ..none.clone() }, 3),
        (OrderFilter { status: Some("open".parse().unwrap()), created_from: Some(created_at(3)), ..none.clone() }, 3),
        (OrderFilter { status: Some("placed".parse().unwrap()), ..none.clone() }, 0),
        (
            OrderFilter {
                customer_id: Some("customer-1".parse().unwrap()),
                status: Some("open".parse().unwrap()),
                created_to: Some(created_at(2)),
                ..none
            },
            1,
        ),
    ];
    for (filter, expected) in filters {
        assert_eq!(store.count(&tenant("default"), &filter).await.unwrap(), expected, "{filter:?}");
    }
    assert_eq!(store.count(&tenant("other"), &OrderFilter::default()).await.unwrap(), 0);
}
