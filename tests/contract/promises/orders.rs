//! Units of work, and the orders that they leave.

use orders::{
    app::{
        ActionRefusal, Adapters, AddItemError, AddItemRequest, AddItemToOrder, AsOf, ChangeError, Conditions, GetOrder,
        HistoricalOrder, Lock, OrderDetails, OrderFilter, RepoError, Store,
    },
    domain::{Action, MAX_LINES, OrderError, OrderRules},
};

use crate::{
    promises::promises,
    setup::{add_line, anybody, change, id, list, order_with_lines, save, state, tenant},
    support::adapters::adapters,
};

promises! {
    a_committed_order_reads_back_with_every_field,
    a_dropped_unit_of_work_leaves_nothing,
    uncommitted_changes_are_invisible_to_others,
    a_change_of_an_order_that_has_moved_on_is_a_conflict,
    a_locking_read_waits_and_sees_the_committed_change,
    an_order_id_is_created_once_per_tenant,
    a_change_keeps_the_other_lines,
    an_order_stores_as_many_lines_as_the_limit,
    an_order_with_more_lines_than_a_new_limit_is_shown_and_takes_no_more,
    saving_an_unchanged_order_writes_nothing,
    as_of_a_version_gives_the_order_after_that_version,
}

async fn a_committed_order_reads_back_with_every_field(store: impl Store) {
    let order = order_with_lines(1, 3);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();

    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected.clone()));
    let read = store.order(&tenant("default"), expected.order_id).await.unwrap();
    assert_eq!(read, Some(OrderDetails::from(&expected)));
}

async fn a_dropped_unit_of_work_leaves_nothing(store: impl Store) {
    let order = order_with_lines(1, 2);
    let id = order.state().order_id;
    let mut uow = store.begin(&tenant("default"), None);
    uow.save(order).unwrap();
    drop(uow);

    assert_eq!(store.order(&tenant("default"), id).await.unwrap(), None);
    assert_eq!(state(&store, &tenant("default"), id).await, None);
}

async fn uncommitted_changes_are_invisible_to_others(store: impl Store) {
    let order = order_with_lines(1, 1);
    let id = order.state().order_id;
    let mut uow = store.begin(&tenant("default"), None);
    uow.save(order).unwrap();

    assert_eq!(store.order(&tenant("default"), id).await.unwrap(), None);
    assert!(list(&store, "default", &OrderFilter::default()).await.is_empty());
    uow.commit().await.unwrap();
    assert!(store.order(&tenant("default"), id).await.unwrap().is_some());
}

async fn a_change_of_an_order_that_has_moved_on_is_a_conflict(store: impl Store) {
    let order = order_with_lines(1, 0);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();

    let mut slow = store.begin(&tenant("default"), None);
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

async fn a_locking_read_waits_and_sees_the_committed_change(store: impl Store) {
    let order = order_with_lines(1, 0);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();

    let mut holder = store.begin(&tenant("default"), None);
    let mut held = holder.find(id, Lock::Write).await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let mut uow = store.begin(&tenant("default"), None);
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

async fn an_order_id_is_created_once_per_tenant(store: impl Store) {
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    let again = save(&store, &tenant("default"), order_with_lines(1, 2)).await;
    assert!(matches!(again, Err(RepoError::Conflict)));
    // Another tenant may use the same id.
    save(&store, &tenant("other"), order_with_lines(1, 2)).await.unwrap();
}

async fn a_change_keeps_the_other_lines(store: impl Store) {
    let order = order_with_lines(1, 2);
    let id = order.state().order_id;
    save(&store, &tenant("default"), order).await.unwrap();
    let expected = change(&store, id, "MONITOR147").await.unwrap();

    assert_eq!(expected.version, 4);
    assert_eq!(state(&store, &tenant("default"), id).await, Some(expected));
}

async fn an_order_stores_as_many_lines_as_the_limit(store: impl Store) {
    let order = order_with_lines(1, MAX_LINES);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();
    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected));
}

async fn an_order_with_more_lines_than_a_new_limit_is_shown_and_takes_no_more(store: impl Store) {
    let order = order_with_lines(1, 3);
    let expected = OrderDetails::from(order.state());
    save(&store, &tenant("default"), order).await.unwrap();
    let rules = OrderRules::new(2).unwrap();
    let ports = Adapters { rules, ..adapters(store) };

    let shown = GetOrder(&ports).execute(&anybody(), id(1), None).await.unwrap();
    assert_eq!(shown, expected);
    let refusal = shown.summary.disallowed_actions(rules).find(|(action, _)| *action == Action::AddItem);
    assert_eq!(refusal, Some((Action::AddItem, ActionRefusal::Rule(OrderError::TooManyLines { max: 2 }))));
    let request = AddItemRequest {
        principal: anybody(),
        order_id: id(1),
        sku: "MOUSE456".parse().unwrap(),
        quantity: 1.try_into().unwrap(),
        conditions: Conditions::default(),
    };
    let refused = AddItemToOrder(&ports).execute(request).await;
    assert!(
        matches!(refused, Err(AddItemError::Change(ChangeError::Refused(OrderError::TooManyLines { max: 2 })))),
        "{refused:?}"
    );
}

async fn saving_an_unchanged_order_writes_nothing(store: impl Store) {
    let order = order_with_lines(1, 1);
    let expected = order.state().clone();
    save(&store, &tenant("default"), order).await.unwrap();
    let mut uow = store.begin(&tenant("default"), None);
    let untouched = uow.find(expected.order_id, Lock::None).await.unwrap().unwrap();
    uow.save(untouched).unwrap();
    uow.commit().await.unwrap();
    assert_eq!(state(&store, &tenant("default"), expected.order_id).await, Some(expected));
}

async fn as_of_a_version_gives_the_order_after_that_version(store: impl Store) {
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
