//! Several instances on one database.

use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use orders::{
    app::{Adapters, Clock, CreateOrder, CreateOrderRequest, ForgetKeys, KeyedRequest, NewOrder, OrderQueries},
    infra::{SystemClock, migrate},
};
use sqlx::{AssertSqlSafe, query, query_scalar};
use time::{Duration, OffsetDateTime};

use crate::{
    setup::{all_events, anybody, order_with_lines, save, tenant},
    support::{Database, adapters::adapters, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_with_one_key_through_two_instances_make_one_order() {
    let database = Database::new().await;
    let instances = [database.store(), database.store()].map(|store| Arc::new(adapters(store)));
    let requests = (0..50).map(|n| {
        let ports = instances[n % 2].clone();
        tokio::spawn(async move { CreateOrder(&*ports).execute(keyed_order()).await.unwrap() })
    });
    let answered: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert!(answered.iter().all(|other| other.order == answered[0].order));
    assert_eq!(answered.iter().filter(|answered| !answered.replayed).count(), 1);
    let orders: i64 =
        query_scalar("select count(*) from orders").fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(orders, 1);
}

#[tokio::test]
async fn the_first_events_of_a_tenant_through_two_instances_at_once_are_both_committed() {
    let database = Database::new().await;
    let (mut head, mut observer) = (database.connect().await, database.connect().await);
    sqlx::raw_sql("begin; select position from event_head for update").execute(&mut head).await.unwrap();
    let commits = [1, 2].map(|n| {
        let store = database.store();
        tokio::spawn(async move { save(&store, &tenant("new"), order_with_lines(n, 0)).await })
    });
    eventually("both instances wait for the head of the event log", async || {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let waiting: i64 = query_scalar(waiting).fetch_one(&mut observer).await.unwrap();
        (waiting == 2).then_some(())
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut head).await.unwrap();
    for commit in try_join_all(commits).await.unwrap() {
        commit.unwrap();
    }
    let sequences: Vec<u64> = all_events(&database.store()).await.iter().map(|event| event.numbers.sequence).collect();
    assert_eq!(sequences, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_instances_start_at_once_on_an_empty_database() {
    let database = Database::empty().await;
    let starts = (0..8).map(|_| {
        let options = database.options.clone();
        tokio::spawn(async move { migrate(&options, |_| {}).await })
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

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_lose_no_race_of_plain_creates_whatever_isolation_the_database_prefers() {
    for isolation in ["repeatable read", "serializable"] {
        let database = Database::new().await;
        let alter = format!("alter database {} set default_transaction_isolation = '{isolation}'", database.name);
        sqlx::raw_sql(AssertSqlSafe(alter)).execute(&mut database.connect().await).await.unwrap();
        let instances = [database.store(), database.store()];
        let clients = (0..16).map(|client: u64| {
            let store = instances[usize::from(client.is_multiple_of(2))].clone();
            tokio::spawn(async move {
                for number in 0..25 {
                    save(&store, &tenant("default"), order_with_lines(client * 25 + number, 1)).await.unwrap();
                }
            })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
    }
}

/// The clock of an instance, and how far it is ahead.
#[derive(Clone, Copy, Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + self.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_a_key_does_not_depend_on_the_clocks_of_instances() {
    let database = Database::new().await;
    let instance = |clock| {
        let Adapters { store, pricing, clock: _, ids, bus, telemetry, access, limits, rules } =
            adapters(database.store());
        Adapters { store, pricing, clock, ids, bus, telemetry, access, limits, rules }
    };
    let (ahead, behind) = (instance(Ahead(Duration::days(2))), instance(Ahead(Duration::hours(-25))));
    let first = CreateOrder(&behind).execute(keyed_order()).await.unwrap();

    for instance in [&ahead, &behind] {
        assert_eq!(ForgetKeys(instance).execute().await.unwrap(), 0);
        let again = CreateOrder(instance).execute(keyed_order()).await.unwrap();
        assert!(again.replayed && again.order == first.order, "{again:?}");
    }
    // A key of a former release, or of a day ago.
    let mut connection = database.connect().await;
    let backdate = "update idempotency_keys set created_at = now() - interval '24 hours'";
    query(backdate).execute(&mut connection).await.unwrap();
    assert_eq!(ForgetKeys(&behind).execute().await.unwrap(), 1);
}

fn keyed_order() -> CreateOrderRequest {
    let order =
        NewOrder { customer_id: "customer".parse().unwrap(), currency: "EUR".parse().unwrap(), items: Vec::new() };
    let key = KeyedRequest { caller: "caller".to_owned(), key: "key".to_owned(), fingerprint: [1; 32] };
    CreateOrderRequest { principal: anybody(), order, key: Some(key) }
}
