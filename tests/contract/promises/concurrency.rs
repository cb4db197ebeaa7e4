//! Concurrent writers of one order.

use std::sync::Arc;

use futures_util::future::join_all;
use orders::app::{
    AddItemRequest, AddItemToOrder, Conditions, CreateOrder, CreateOrderRequest, GetOrder, NewOrder, Store,
};

use crate::{setup::anybody, support::adapters::adapters};

mod in_memory {
    use orders::infra::MemoryStore;

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_writers_of_one_order_lose_no_line() {
        let store = MemoryStore::default();
        super::writers_lose_nothing(vec![store.clone(), store]).await;
    }
}

mod on_postgres {
    use sqlx::query_as;

    use crate::support::Database;

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_writers_of_one_order_lose_no_line() {
        let database = Database::new().await;
        // Two pools, as two instances have them.
        super::writers_lose_nothing(vec![database.store(), database.store()]).await;

        let mut connection = database.connect().await;
        let (events, last): (i64, i64) =
            query_as("select count(*), max(position) from order_events").fetch_one(&mut connection).await.unwrap();
        assert_eq!((events, last), (41, 41));
    }
}

/// Forty writers add a line each at once. Then every line is there with a number of its own, and the total is exact.
async fn writers_lose_nothing<S: Store>(instances: Vec<S>) {
    let instances: Vec<_> = instances.into_iter().map(|store| Arc::new(adapters(store))).collect();
    let customer_id = "customer".parse().unwrap();
    let order = NewOrder { customer_id, currency: "EUR".parse().unwrap(), items: Vec::new() };
    let new_order = CreateOrderRequest { principal: anybody(), order, key: None };
    let order_id = CreateOrder(&*instances[0]).execute(new_order).await.unwrap().order.summary.order_id;
    let writers = (0..40).map(|n| {
        let ports = instances[n % instances.len()].clone();
        tokio::spawn(async move {
            let request = AddItemRequest {
                principal: anybody(),
                order_id,
                sku: "MOUSE456".parse().unwrap(),
                quantity: 1.try_into().unwrap(),
                conditions: Conditions::default(),
            };
            AddItemToOrder(&*ports).execute(request).await.map(|answered| answered.order.summary.version)
        })
    });
    let mut versions: Vec<u32> = join_all(writers).await.into_iter().map(|written| written.unwrap().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=41).collect::<Vec<_>>());

    let order = GetOrder(&*instances[0]).execute(&anybody(), order_id, None).await.unwrap();
    assert_eq!(order.items.iter().map(|item| item.number).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert_eq!(order.summary.total_amount.to_string(), "1199.60");
}
