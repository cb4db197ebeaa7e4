//! What every store promises, told once and run on each of them.

#[path = "../support/mod.rs"]
mod support;

mod chain;
mod group_commit;
mod plans;
mod positions;
mod pricing;
mod proxy;
mod races;
mod schema;
mod verify;
mod wire;
mod workload;

use orders::{
    app::{
        AsOf, HistoricalOrder, KeyRecord, KeyedRequest, Lock, OrderDetails, OrderFilter, Outcome, Recorded, RepoError,
        Store,
    },
    domain::{Order, OrderId, OrderState, Price, Quantity, Stamp, TenantId},
    infra::MemoryStore,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// Each promise is a test on memory and a test on PostgreSQL.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $promise() { super::$promise(super::MemoryStore::default()).await })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $promise() { super::$promise(super::support::Database::new().await.store()).await })+
        }
    };
}

mod log;

promises! {
    what_was_committed_is_read_to_the_last_field,
    what_was_not_committed_is_gone,
    uncommitted_work_is_seen_by_nobody_else,
    who_changes_an_order_that_someone_else_changed_gets_a_conflict,
    who_waits_for_the_lock_sees_what_the_holder_left,
    an_order_is_not_created_twice,
    a_change_adds_to_what_was_there,
    an_order_holds_two_hundred_lines,
    the_list_is_newest_first_and_of_one_tenant,
    pages_join_without_gap_or_overlap,
    the_list_shows_what_meets_every_filter,
    an_order_saved_without_a_change_stays_as_it_was,
    an_order_is_read_as_it_was_at_each_version,
    what_a_key_led_to_is_recalled_by_its_tenant_and_caller_alone,
    a_key_that_is_taken_undoes_the_second_use,
    a_key_of_another_request_is_taken_whatever_it_led_to,
    a_key_is_kept_only_with_its_change,
    old_keys_are_forgotten,
    orders_are_counted_by_the_same_filters,
}

async fn what_was_committed_is_read_to_the_last_field(store: impl Store) {
    let order = order_with_lines(1, 3);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();

    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected.clone()));
    let read = store.order(&tenant("default"), expected.order_id).await.unwrap();
    assert_eq!(read, Some(OrderDetails::from(&expected)));
}

async fn what_was_not_committed_is_gone(store: impl Store) {
    let order = order_with_lines(1, 2);
    let id = order.state().order_id;
    let mut uow = store.begin(&tenant("default"));
    uow.save(order).unwrap();
    drop(uow);

    assert_eq!(store.order(&tenant("default"), id).await.unwrap(), None);
    assert_eq!(state(&store, &tenant("default"), id).await, None);
}

async fn uncommitted_work_is_seen_by_nobody_else(store: impl Store) {
    let order = order_with_lines(1, 1);
    let id = order.state().order_id;
    let mut uow = store.begin(&tenant("default"));
    uow.save(order).unwrap();

    assert_eq!(store.order(&tenant("default"), id).await.unwrap(), None);
    assert!(list(&store, "default", &OrderFilter::default()).await.is_empty());
    uow.commit().await.unwrap();
    assert!(store.order(&tenant("default"), id).await.unwrap().is_some());
}

async fn who_changes_an_order_that_someone_else_changed_gets_a_conflict(store: impl Store) {
    let order = order_with_lines(1, 0);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();

    let mut slow = store.begin(&tenant("default"));
    let mut stale = slow.find(id, Lock::None).await.unwrap().unwrap();
    change(&store, id, "MOUSE456").await.unwrap();

    add_line(&mut stale, "LAPTOP123");
    let lost = async {
        slow.save(stale)?;
        slow.commit().await
    };
    assert!(matches!(lost.await, Err(RepoError::Conflict)));
    let kept = state(&store, &tenant("default"), id).await.unwrap();
    assert_eq!(kept.lines.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>(), ["MOUSE456"]);
}

async fn who_waits_for_the_lock_sees_what_the_holder_left(store: impl Store) {
    let order = order_with_lines(1, 0);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();

    let mut holder = store.begin(&tenant("default"));
    let mut held = holder.find(id, Lock::Write).await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let mut uow = store.begin(&tenant("default"));
            let mut order = uow.find(id, Lock::Write).await.unwrap().unwrap();
            add_line(&mut order, "MOUSE456");
            uow.save(order).unwrap();
            uow.commit().await
        }
    });
    tokio::task::yield_now().await;
    add_line(&mut held, "LAPTOP123");
    holder.save(held).unwrap();
    holder.commit().await.unwrap();

    waiting.await.unwrap().unwrap();
    let kept = state(&store, &tenant("default"), id).await.unwrap();
    assert_eq!(kept.lines.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>(), ["LAPTOP123", "MOUSE456"]);
}

async fn an_order_is_not_created_twice(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    let again = save(&store, &tenant("default"), order_with_lines(1, 2)).await;
    assert!(matches!(again, Err(RepoError::Conflict)));
    // Another tenant's order may have the same id.
    save(&store, &tenant("other"), order_with_lines(1, 2)).await.unwrap();
}

async fn a_change_adds_to_what_was_there(store: impl Store) {
    let order = order_with_lines(1, 2);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();
    let expected = change(&store, id, "MONITOR147").await.unwrap();

    assert_eq!(expected.version, 4);
    assert_eq!(state(&store, &tenant("default"), id).await, Some(expected));
}

async fn an_order_holds_two_hundred_lines(store: impl Store) {
    let order = order_with_lines(1, 200);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();
    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected));
}

async fn the_list_is_newest_first_and_of_one_tenant(store: impl Store) {
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
        // An order that is created meanwhile is newer than all pages to come.
        save(&store, &tenant("default"), order_with_lines(100 + u64::try_from(seen.len()).unwrap(), 0)).await.unwrap();
        seen.extend(page.iter().map(|order| order.order_id));
        if page.len() < 3 {
            break;
        }
    }
    assert_eq!(seen, (1..=7).rev().map(id).collect::<Vec<_>>());
}

async fn the_list_shows_what_meets_every_filter(store: impl Store) {
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

async fn an_order_saved_without_a_change_stays_as_it_was(store: impl Store) {
    let order = order_with_lines(1, 1);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();
    let mut uow = store.begin(&tenant("default"));
    let untouched = uow.find(expected.order_id, Lock::None).await.unwrap().unwrap();
    uow.save(untouched).unwrap();
    uow.commit().await.unwrap();
    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected));
}

async fn an_order_is_read_as_it_was_at_each_version(store: impl Store) {
    let mut order = order_with_lines(1, 0);
    let mut then = vec![OrderDetails::from(order.state())];
    for _ in 0..3 {
        add_line(&mut order, "MOUSE456");
        then.push(OrderDetails::from(order.state()));
    }
    save(&store, &tenant("default"), order).await.unwrap();
    for expected in then {
        let read = store.order_as_of(&tenant("default"), id(1), AsOf::Version(expected.summary.version)).await.unwrap();
        assert_eq!(read, HistoricalOrder::Order(expected));
    }
    assert_eq!(store.order_as_of(&tenant("default"), id(1), AsOf::Version(5)).await.unwrap(), HistoricalOrder::NotThen);
    assert_eq!(store.order_as_of(&tenant("default"), id(1), AsOf::Version(0)).await.unwrap(), HistoricalOrder::NotThen);
    assert_eq!(store.order_as_of(&tenant("other"), id(1), AsOf::Version(1)).await.unwrap(), HistoricalOrder::NotThen);
}

async fn what_a_key_led_to_is_recalled_by_its_tenant_and_caller_alone(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 0, 1), record(2, 1, 1)]).await.unwrap();
    let expected = Recorded { fingerprint: [1; 32], outcomes: vec![outcome(1, 0), outcome(2, 1)] };
    assert_eq!(store.recall(&tenant("default"), "caller", "key").await.unwrap(), Some(expected));
    assert_eq!(store.recall(&tenant("other"), "caller", "key").await.unwrap(), None);
    assert_eq!(store.recall(&tenant("default"), "other", "key").await.unwrap(), None);
    assert_eq!(store.recall(&tenant("default"), "caller", "other").await.unwrap(), None);
}

async fn a_key_that_is_taken_undoes_the_second_use(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 0, 1)]).await.unwrap();
    let second = save_with_key(&store, 2, &[record(2, 0, 1)]).await;
    assert!(matches!(second, Err(RepoError::KeyTaken)));
    assert_eq!(list(&store, "default", &OrderFilter::default()).await, [id(1)]);
}

async fn a_key_of_another_request_is_taken_whatever_it_led_to(store: impl Store) {
    save_with_key(&store, 1, &[record(1, 3, 1)]).await.unwrap();
    // A further order of the same request.
    save_with_key(&store, 2, &[record(2, 4, 1)]).await.unwrap();
    let mut other = record(3, 0, 1);
    other.request.fingerprint = [2; 32];
    let second = save_with_key(&store, 3, &[other]).await;
    assert!(matches!(second, Err(RepoError::KeyTaken)));
    assert_eq!(list(&store, "default", &OrderFilter::default()).await, [id(2), id(1)]);
}

async fn a_key_is_kept_only_with_its_change(store: impl Store) {
    let mut uow = store.begin(&tenant("default"));
    uow.save(order_with_lines(1, 0)).unwrap();
    uow.save_key(record(1, 0, 1));
    drop(uow);
    assert_eq!(store.recall(&tenant("default"), "caller", "key").await.unwrap(), None);
    save_with_key(&store, 1, &[record(1, 0, 1)]).await.unwrap();
}

async fn old_keys_are_forgotten(store: impl Store) {
    for n in 1..=3 {
        let mut of_its_own = record(n, 0, n);
        of_its_own.request.key = format!("key-{n}");
        save_with_key(&store, n, &[of_its_own]).await.unwrap();
    }
    assert_eq!(store.forget(created_at(3), 1).await.unwrap(), 1);
    assert_eq!(store.forget(created_at(3), 100).await.unwrap(), 1);
    assert_eq!(store.forget(created_at(3), 100).await.unwrap(), 0);
    let mut kept = Vec::new();
    for n in 1..=3 {
        kept.push(store.recall(&tenant("default"), "caller", &format!("key-{n}")).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, false, true]);
}

async fn orders_are_counted_by_the_same_filters(store: impl Store) {
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

fn outcome(n: u64, item: u32) -> Outcome {
    Outcome { item, order_id: id(n), version: 1 }
}

/// That a request under the key "key" led to the n-th order.
fn record(n: u64, item: u32, at: u64) -> KeyRecord {
    let request = KeyedRequest { caller: "caller".to_owned(), key: "key".to_owned(), fingerprint: [1; 32] };
    KeyRecord { request, outcome: outcome(n, item), at: created_at(at) }
}

async fn save_with_key(store: &impl Store, n: u64, records: &[KeyRecord]) -> Result<(), RepoError> {
    let mut uow = store.begin(&tenant("default"));
    uow.save(order_with_lines(n, 0))?;
    for record in records {
        uow.save_key(record.clone());
    }
    uow.commit().await
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn created_at(n: u64) -> OffsetDateTime {
    datetime!(2026-01-31 12:00 UTC) + Duration::seconds(n.try_into().unwrap())
}

fn id(n: u64) -> OrderId {
    OrderId::new(created_at(n), n)
}

#[expect(clippy::disallowed_methods, reason = "any unique id will do")]
fn stamp(at: OffsetDateTime) -> Stamp {
    Stamp::new(Uuid::new_v4(), at)
}

/// The n-th order: customers take turns, the lines have prices of their own.
fn order_with_lines(n: u64, lines: usize) -> Order {
    let customer = format!("customer-{}", n % 2).parse().unwrap();
    let mut order = Order::create(id(n), customer, "EUR".parse().unwrap(), stamp(created_at(n)));
    for _ in 0..lines {
        add_line(&mut order, "LAPTOP123");
    }
    order
}

fn add_line(order: &mut Order, sku: &str) {
    let number = i64::try_from(order.lines().len()).unwrap();
    let price = Price::parse(&format!("{}.99", 10 * number), order.state().currency).unwrap();
    let quantity = Quantity::try_from(number + 1).unwrap();
    let at = order.state().updated_at + Duration::milliseconds(7);
    order.add_item(sku.parse().unwrap(), "Thing".parse().unwrap(), quantity, price, stamp(at)).unwrap();
}

async fn save(store: &impl Store, tenant: &TenantId, order: Order) -> Result<(), RepoError> {
    let mut uow = store.begin(tenant);
    uow.save(order)?;
    uow.commit().await
}

/// Adds a line to a stored order; what it should be now.
async fn change(store: &impl Store, id: OrderId, sku: &str) -> Result<OrderState, RepoError> {
    let mut uow = store.begin(&tenant("default"));
    let mut order = uow.find(id, Lock::None).await?.unwrap();
    add_line(&mut order, sku);
    let expected = order.state().clone();
    uow.save(order)?;
    uow.commit().await?;
    Ok(expected)
}

async fn state(store: &impl Store, tenant: &TenantId, id: OrderId) -> Option<OrderState> {
    let order = store.begin(tenant).find(id, Lock::None).await.unwrap();
    order.map(|order| order.state().clone())
}

async fn list(store: &impl Store, name: &str, filter: &OrderFilter) -> Vec<OrderId> {
    let orders = store.orders(&tenant(name), filter, None, 100).await.unwrap();
    orders.iter().map(|order| order.order_id).collect()
}
