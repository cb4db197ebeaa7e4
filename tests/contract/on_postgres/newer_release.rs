//! Orders and events that a newer release wrote, while this release still runs.

use orders::{
    app::{
        ActionRefusal, Answered, AsOf, ChangeError, Conditions, EventFilter, EventLog, HistoricalOrder, KeyError,
        KeyedRequest, Lock, OrderFilter, OrderQueries, PlaceOrder, PlaceOrderRequest, RepoError, StoredStatus,
        SubscribeEvents, SubscribeEventsRequest, UnitOfWork,
    },
    domain::{Action, OrderRules},
    infra::PgStore,
};

use crate::{
    setup::{anybody, change, id, list, order_with_lines, save, soon, tenant},
    support::{
        Database,
        adapters::adapters,
        newer_release::{migrate_as_a_newer_release, return_every_order},
    },
};

/// A database with one order of two lines that a newer release has returned.
async fn returned_order() -> (Database, PgStore) {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 2)).await.unwrap();
    let mut newer = database.connect().await;
    migrate_as_a_newer_release(&mut newer).await;
    return_every_order(&mut newer).await;
    (database, store)
}

#[tokio::test]
async fn this_release_still_writes_to_the_newer_schema() {
    let database = Database::new().await;
    migrate_as_a_newer_release(&mut database.connect().await).await;
    let store = database.store();
    save(&store, &tenant("default"), order_with_lines(1, 2)).await.unwrap();
    change(&store, id(1), "MOUSE456").await.unwrap();
}

#[tokio::test]
async fn an_unknown_status_is_shown_and_allows_no_action() {
    let (_database, store) = returned_order().await;
    let order = store.order(&tenant("default"), id(1)).await.unwrap().unwrap();
    assert_eq!(order.summary.status, StoredStatus::Unknown("returned".to_owned()));
    assert_eq!((order.items.len(), order.summary.items_count, order.summary.version), (2, 2, 4));
    assert_eq!(order.summary.allowed_actions(OrderRules::DEFAULT).count(), 0);
    let refused: Vec<_> = order.summary.disallowed_actions(OrderRules::DEFAULT).collect();
    assert_eq!(refused, Action::ALL.map(|action| (action, ActionRefusal::UnknownStatus)));

    let page = store.orders(&tenant("default"), &OrderFilter::default(), None, 10).await.unwrap();
    assert_eq!(page, [order.summary]);
    assert_eq!(store.count(&tenant("default"), &OrderFilter::default()).await.unwrap(), 1);
    let open = OrderFilter { status: Some("open".parse().unwrap()), ..OrderFilter::default() };
    assert!(list(&store, "default", &open).await.is_empty());
}

#[tokio::test]
async fn an_event_of_an_unknown_type_is_passed_on() {
    let (_database, store) = returned_order().await;
    let slice = store.slice(&EventFilter::default(), 0, 10, 10).await.unwrap();
    let history = store.history(&tenant("default"), id(1), 0, 10).await.unwrap();
    assert_eq!(slice.events, history);
    let returned = history.last().unwrap();
    assert_eq!(returned.event_type, "order.returned.v1");
    assert!(
        returned.cloud_event(orders::app::Audience::Tenant).contains(r#""data":{"because": "too small"}"#),
        "{}",
        returned.cloud_event(orders::app::Audience::Tenant)
    );
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: Some(3) };
    let ports = adapters(store);
    let mut stream = SubscribeEvents(&ports).execute(request).await.unwrap();
    assert_eq!(*soon(stream.next()).await.unwrap(), *returned);
}

#[tokio::test]
async fn a_change_of_an_order_with_an_unknown_status_is_refused_and_changes_nothing() {
    let (database, store) = returned_order().await;
    for lock in [Lock::None, Lock::Write] {
        let found = store.begin(&tenant("default"), None).find(id(1), lock).await;
        assert!(matches!(found, Err(RepoError::NewerRelease(_))), "{found:?}");
    }
    let placed = place(&store, 1, None).await;
    assert!(matches!(placed, Err(ChangeError::Store(RepoError::NewerRelease(_)))), "{placed:?}");
    let unchanged = "select count(*) from orders where status = 'returned' and version = 4 and note = 'too small'";
    let unchanged: i64 = sqlx::query_scalar(unchanged).fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(unchanged, 1);
    // Another order in the same batched reads is not affected.
    save(&store, &tenant("default"), order_with_lines(2, 1)).await.unwrap();
    place(&store, 2, None).await.unwrap();
}

#[tokio::test]
async fn as_of_gives_the_order_up_to_the_first_unknown_event() {
    let (_database, store) = returned_order().await;
    let as_of = async |version| store.order_as_of(&tenant("default"), id(1), AsOf::Version(version)).await;
    assert!(matches!(as_of(3).await, Ok(HistoricalOrder::Order(_))));
    let newest = as_of(4).await;
    assert!(matches!(newest, Err(RepoError::NewerRelease(_))), "{newest:?}");
}

#[tokio::test]
async fn a_repeated_request_is_replayed_unless_its_replay_needs_an_unknown_event() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=2 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
    }
    let mut newer = database.connect().await;
    migrate_as_a_newer_release(&mut newer).await;
    let before = place(&store, 1, Some("before")).await.unwrap();
    return_every_order(&mut newer).await;
    // The newer release has opened the second order again: this release knows its status, but not its whole life.
    sqlx::raw_sql("update orders set status = 'open'").execute(&mut newer).await.unwrap();
    let after = place(&store, 2, Some("after")).await.unwrap();
    assert_eq!((after.order.summary.version, after.replayed), (4, false));

    let replayed = place(&store, 1, Some("before")).await.unwrap();
    assert_eq!((replayed.order, replayed.replayed), (before.order, true));
    let unreplayable = place(&store, 2, Some("after")).await;
    assert!(
        matches!(unreplayable, Err(ChangeError::Key(KeyError::Store(RepoError::NewerRelease(_))))),
        "{unreplayable:?}"
    );
}

async fn place(store: &PgStore, n: u64, key: Option<&str>) -> Result<Answered, ChangeError> {
    let key = key.map(|key| KeyedRequest { caller: "caller".to_owned(), key: key.to_owned(), fingerprint: [1; 32] });
    let conditions = Conditions { key, expected: None, excluded: None };
    let request = PlaceOrderRequest { principal: anybody(), order_id: id(n), conditions };
    PlaceOrder(&adapters(store.clone())).execute(request).await
}
