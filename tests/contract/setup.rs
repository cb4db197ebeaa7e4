//! The orders that the tests use, and the shortest ways to store and read them.

use std::sync::Arc;

use orders::{
    app::{EventFilter, Lock, LoggedEvent, OrderFilter, Ports, ReadEvents, ReadEventsRequest, RepoError, Store},
    domain::{Context, Order, OrderId, OrderRules, OrderState, Price, Principal, Quantity, Stamp, TenantId},
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::support::PATIENCE;

pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// A caller of tenant `default` who may do everything.
pub(crate) fn anybody() -> Arc<Principal> {
    Arc::new(Principal::anonymous())
}

/// The n-th order is created n seconds after a fixed time.
pub(crate) fn created_at(n: u64) -> OffsetDateTime {
    datetime!(2026-01-31 12:00 UTC) + Duration::seconds(n.try_into().unwrap())
}

/// The id of the n-th order.
pub(crate) fn id(n: u64) -> OrderId {
    OrderId::new(created_at(n), n)
}

#[expect(clippy::disallowed_methods, reason = "any unique id will do")]
pub(crate) fn context(at: OffsetDateTime) -> Context {
    Context { rules: OrderRules::DEFAULT, stamp: Stamp::new(Uuid::new_v4(), at) }
}

/// The n-th order. Two customers alternate, and each line has a price of its own.
pub(crate) fn order_with_lines(n: u64, lines: usize) -> Order {
    let customer = format!("customer-{}", n % 2).parse().unwrap();
    let mut order = Order::create(id(n), customer, "EUR".parse().unwrap(), context(created_at(n)));
    for _ in 0..lines {
        add_line(&mut order, "LAPTOP123");
    }
    order
}

pub(crate) fn add_line(order: &mut Order, sku: &str) {
    let number = i64::try_from(order.lines().len()).unwrap();
    let price = Price::parse(&format!("{}.99", 10 * number), order.state().currency).unwrap();
    let quantity = Quantity::try_from(number + 1).unwrap();
    let at = order.state().updated_at + Duration::milliseconds(7);
    order.add_item(sku.parse().unwrap(), "Thing".parse().unwrap(), quantity, price, context(at)).unwrap();
}

/// Stores the order in a unit of work of its own.
pub(crate) async fn save(store: &impl Store, tenant: &TenantId, order: Order) -> Result<(), RepoError> {
    let mut uow = store.begin(tenant, None);
    uow.save(order)?;
    uow.commit().await
}

/// Adds a line to a stored order, and returns what the order should be now.
pub(crate) async fn change(store: &impl Store, id: OrderId, sku: &str) -> Result<OrderState, RepoError> {
    let mut uow = store.begin(&tenant("default"), None);
    let mut order = uow.find(id, Lock::None).await?.unwrap();
    add_line(&mut order, sku);
    let expected = order.state().clone();
    uow.save(order)?;
    uow.commit().await?;
    Ok(expected)
}

/// The order as a unit of work reads it.
pub(crate) async fn state(store: &impl Store, tenant: &TenantId, id: OrderId) -> Option<OrderState> {
    let order = store.begin(tenant, None).find(id, Lock::None).await.unwrap();
    order.map(|order| order.state().clone())
}

/// The ids of the orders in a list.
pub(crate) async fn list(store: &impl Store, name: &str, filter: &OrderFilter) -> Vec<OrderId> {
    let orders = store.orders(&tenant(name), filter, None, 100).await.unwrap();
    orders.iter().map(|order| order.order_id).collect()
}

/// The value of what has to come by itself.
pub(crate) async fn soon<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.expect("it comes in time")
}

pub(crate) async fn all_events(store: &impl Store) -> Vec<LoggedEvent> {
    store.tail(0, usize::MAX).await.unwrap().events
}

/// Reads the log from a position to its end, a few events at a time; asserts that none is missing on the way.
pub(crate) async fn read_on<P: Ports>(ports: &P, position: &mut u64) {
    loop {
        let request = ReadEventsRequest { filter: EventFilter::default(), after: *position, limit: 7 };
        let page = ReadEvents(ports).execute(&request).await.unwrap();
        for event in &page.events {
            assert_eq!(event.numbers.position, *position + 1, "a position was not there when the next one was");
            *position = event.numbers.position;
        }
        if page.events.is_empty() {
            return;
        }
    }
}
