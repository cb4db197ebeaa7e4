//! Writers who meet on one order, and starts that meet on one database.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use futures_util::future::join_all;
use orders::{
    app::{
        Adapters, AddItemRequest, AddItemToOrder, Conditions, CreateOrder, CreateOrderRequest, GetOrder,
        IdempotencyKeys, KeyedRequest, Lock, NewOrder, OrderQueries, Store, UnitOfWork,
    },
    infra::{InProcessBus, MemoryStore, Metrics, PgStore, PoolSettings, StaticCatalogue, SystemClock, UuidV7, migrate},
};
use sqlx::{PgConnection, postgres::PgConnectOptions, query_as, query_scalar};

use super::{
    created_at, id, order_with_lines,
    proxy::Proxy,
    save,
    support::{Database, eventually},
    tenant,
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_one_order_lose_nothing_in_memory() {
    let store = MemoryStore::default();
    writers_lose_nothing(vec![store.clone(), store]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_one_order_lose_nothing_on_postgres() {
    let database = Database::new().await;
    // Two pools, as two instances have them.
    writers_lose_nothing(vec![database.store(), database.store()]).await;

    let mut connection = database.connect().await;
    let (events, last): (i64, i64) =
        query_as("select count(*), max(position) from order_events").fetch_one(&mut connection).await.unwrap();
    assert_eq!((events, last), (41, 41));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_with_one_key_through_two_instances_make_one_order() {
    let database = Database::new().await;
    let instances = [database.store(), database.store()].map(|store| Arc::new(adapters(store)));
    let requests = (0..50).map(|n| {
        let ports = instances[n % 2].clone();
        tokio::spawn(async move {
            let order = NewOrder {
                customer_id: "customer".parse().unwrap(),
                currency: "EUR".parse().unwrap(),
                items: Vec::new(),
            };
            let key = KeyedRequest { caller: "caller".to_owned(), key: "key".to_owned(), fingerprint: [1; 32] };
            let request = CreateOrderRequest { tenant: tenant("default"), order, key: Some(key) };
            CreateOrder(&*ports).execute(request).await.unwrap()
        })
    });
    let answered: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert!(answered.iter().all(|other| other.order == answered[0].order));
    assert_eq!(answered.iter().filter(|answered| !answered.replayed).count(), 1);
    let orders: i64 =
        query_scalar("select count(*) from orders").fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(orders, 1);
}

/// Forty writers at once on one order: each line is there, each number once, and the total is exact.
async fn writers_lose_nothing<S: Store>(instances: Vec<S>) {
    let instances: Vec<_> = instances.into_iter().map(|store| Arc::new(adapters(store))).collect();
    let customer_id = "customer".parse().unwrap();
    let order = NewOrder { customer_id, currency: "EUR".parse().unwrap(), items: Vec::new() };
    let new_order = CreateOrderRequest { tenant: tenant("default"), order, key: None };
    let order_id = CreateOrder(&*instances[0]).execute(new_order).await.unwrap().order.summary.order_id;
    let writers = (0..40).map(|n| {
        let ports = instances[n % instances.len()].clone();
        tokio::spawn(async move {
            let request = AddItemRequest {
                tenant: tenant("default"),
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

    let order = GetOrder(&*instances[0]).execute(&tenant("default"), order_id, None).await.unwrap();
    assert_eq!(order.items.iter().map(|item| item.number).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert_eq!(order.summary.total_amount.to_string(), "1199.60");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_instances_that_start_at_once_on_an_empty_database_all_come_up() {
    let database = Database::empty().await;
    let starts = (0..8).map(|_| {
        let options = database.options.clone();
        tokio::spawn(async move { migrate(&options).await })
    });
    let applied: Vec<Vec<i32>> = join_all(starts).await.into_iter().map(|start| start.unwrap().unwrap()).collect();

    assert_eq!(applied.iter().filter(|versions| !versions.is_empty()).count(), 1, "{applied:?}");
    database.store().ready().await.unwrap();
    let mut connection = database.connect().await;
    let migrations: i64 =
        query_scalar("select count(*) from refinery_schema_history").fetch_one(&mut connection).await.unwrap();
    assert_eq!(usize::try_from(migrations).unwrap(), applied.concat().len());
}

#[tokio::test]
async fn a_database_without_the_schema_is_not_ready() {
    let database = Database::empty().await;
    database.store().ready().await.unwrap_err();
}

/// A store whose server does not end an idle transaction by itself, which would hide one that was left open.
fn store_without_idle_timeout(options: PgConnectOptions) -> PgStore {
    let settings = PoolSettings { max_connections: 4, acquire_timeout: Duration::from_secs(30) };
    PgStore::new(&options.options([("idle_in_transaction_session_timeout", "0")]), settings)
}

/// How many other sessions of this database are in this state.
async fn sessions(observer: &mut PgConnection, state: &str) -> i64 {
    let counted = "select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = $1";
    query_scalar(counted).bind(state).fetch_one(observer).await.unwrap()
}

async fn no_transaction_stays_open(observer: &mut PgConnection) {
    eventually("no session is in a transaction", async || {
        let open = sessions(observer, "idle in transaction").await + sessions(observer, "active").await;
        (open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locking_read_that_is_dropped_during_its_begin_leaves_no_transaction_open() {
    let database = Database::new().await;
    let proxy = Proxy::withholding("BEGIN", &database);
    let store = store_without_idle_timeout(proxy.options(&database));
    let mut observer = database.connect().await;
    // Opens the only connection for row locks, so that the read below begins its transaction on it.
    store.forget(created_at(0), 1).await.unwrap();
    let mut uow = store.begin(&tenant("default"));
    let read = uow.find(id(1), Lock::Write);
    tokio::select! {
        () = proxy.withheld() => {}
        read = read => panic!("the read went on without the answer to BEGIN: {read:?}"),
    }
    // The read was dropped: nobody waits for the answer to its BEGIN.
    drop(uow);
    eventually("the server has begun the transaction", async || {
        (sessions(&mut observer, "idle in transaction").await > 0).then_some(())
    })
    .await;
    proxy.release();
    no_transaction_stays_open(&mut observer).await;
    // The connection is still good.
    store.forget(created_at(0), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locking_read_that_is_dropped_at_any_point_leaves_no_transaction_open_and_no_order_locked() {
    let database = Database::new().await;
    let store = store_without_idle_timeout(database.options.clone());
    let mut observer = database.connect().await;
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    store.forget(created_at(0), 1).await.unwrap();
    for polls in 1..=12 {
        let mut uow = store.begin(&tenant("default"));
        dropped_after(polls, uow.find(id(1), Lock::Write)).await;
        drop(uow);
        no_transaction_stays_open(&mut observer).await;
        sqlx::raw_sql("select version from orders for update nowait").execute(&mut observer).await.unwrap();
    }
}

/// Polls the future until it is ready, at most so many times, and drops it.
async fn dropped_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Pending if polled < polls => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

pub(crate) fn adapters<S: Store>(store: S) -> Adapters<S, StaticCatalogue, SystemClock, UuidV7, InProcessBus, Metrics> {
    Adapters {
        store,
        pricing: StaticCatalogue::built_in().unwrap(),
        clock: SystemClock,
        ids: UuidV7,
        bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
        telemetry: Metrics::new("0", "test"),
    }
}
