//! Orders and events that a newer release wrote: this release shows them, and refuses what it cannot decide.

use orders::app::EVENT_TYPES;
use reqwest::{Method, header};
use serde_json::json;

use crate::{
    helpers::{Answer, Api},
    support::{
        Database,
        newer_release::{migrate_as_a_newer_release, return_every_order},
    },
};

#[tokio::test]
async fn a_returned_order_is_shown_everywhere_and_changed_nowhere() {
    let database = Database::new().await;
    let api = Api::builder().start_on(database.store());
    let path = api.order_path().await;
    let keyed = |method: Method, path: &str| api.request(method, path).header("idempotency-key", "\"key\"");
    let body = json!({"quantity": 5});
    let changed = Answer::receive(keyed(Method::PATCH, &format!("{path}/items/1")).json(&body)).await;
    assert_eq!(changed.status, 200);
    let mut follower = api.follow("/events/stream?after=4").await;
    let mut newer = database.connect().await;
    migrate_as_a_newer_release(&mut newer).await;
    return_every_order(&mut newer).await;

    let order = api.get(&path).await;
    assert_eq!((order.status.as_u16(), &order.body["status"]), (200, &json!("returned")));
    assert_eq!((&order.body["version"], &order.body["items_count"]), (&json!(5), &json!(2)));
    assert_eq!(order.body["allowed_actions"], json!([]));
    assert_eq!(order.body["disallowed_actions"][0]["code"], "newer_release");
    let list = api.get("/orders?total=true").await;
    assert_eq!((&list.body["orders"][0]["status"], &list.body["total_orders"]), (&json!("returned"), &json!(1)));
    let history = api.get(&format!("{path}/events")).await;
    let feed = api.get("/events?after=4").await;
    let event = &history.body["events"][4];
    assert_eq!((&event["type"], &event["data"]), (&json!("order.returned.v1"), &json!({"because": "too small"})));
    assert!(!EVENT_TYPES.contains(&"order.returned.v1"));
    assert_eq!(feed.body, json!([event]));
    let (position, kind, data) = follower.event().await.unwrap();
    assert_eq!((position, kind.as_str(), &data), (5, "order.returned.v1", event));

    // The life before the unknown event is known.
    assert_eq!(api.get(&format!("{path}?as_of=4")).await.body["status"], "open");
    let replayed = Answer::receive(keyed(Method::PATCH, &format!("{path}/items/1")).json(&body)).await;
    assert_eq!((replayed.status.as_u16(), replayed.header("idempotent-replayed")), (200, "true"));
    assert_eq!(replayed.body, changed.body);
    for refused in [
        api.get(&format!("{path}?as_of=5")).await,
        api.post_nothing(&format!("{path}/place")).await,
        api.post_nothing(&format!("{path}/cancel")).await,
        api.patch(&format!("{path}/items/1"), &body).await,
        api.delete(&format!("{path}/items/1")).await,
        api.post(&format!("{path}/items"), &json!({"sku": "MOUSE456", "quantity": 1})).await,
    ] {
        refused.assert_problem(503, "newer_release");
        assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    }
    assert_eq!(api.get(&path).await.body, order.body);
    // Other orders go on.
    assert_eq!(api.post_nothing(&format!("{}/place", api.order_path().await)).await.status, 200);
}
