use serde_json::{Value, json};

use crate::helpers::{Api, on_each_store};

on_each_store! {
    the_history_has_every_event_of_an_order_oldest_first,
    a_long_history_comes_in_pages,
    the_history_of_an_unknown_order_is_a_404,
    as_of_shows_the_order_at_a_version_or_a_time,
    as_of_before_the_order_or_after_its_last_version_is_a_404,
    a_malformed_as_of_is_refused,
}

/// An order that is changed, placed and cancelled, and the response to each step.
async fn life(api: &Api) -> (String, Vec<Value>) {
    let path = api.order_path().await;
    let created = api.get(&path).await.body;
    let changed = api.patch(&format!("{path}/items/2"), &json!({"quantity": 3})).await.body;
    let removed = api.delete(&format!("{path}/items/1")).await.body;
    let placed = api.post_nothing(&format!("{path}/place")).await.body;
    let cancelled = api.post(&format!("{path}/cancel"), &json!({"reason": "Too late"})).await.body;
    (path, vec![created, changed, removed, placed, cancelled])
}

async fn the_history_has_every_event_of_an_order_oldest_first(api: Api) {
    let (path, _) = life(&api).await;
    let history = api.get(&format!("{path}/events")).await;
    assert_eq!((history.status.as_u16(), &history.body["next_after"]), (200, &Value::Null));
    let events = history.body["events"].as_array().unwrap();
    let listed: Vec<_> = events.iter().map(|event| (event["type"].as_str().unwrap(), &event["data"])).collect();
    let laptop =
        json!({"line": 1, "sku": "LAPTOP123", "name": "Laptop", "quantity": 1, "price": "999.99", "currency": "EUR"});
    let mice =
        json!({"line": 2, "sku": "MOUSE456", "name": "Mouse", "quantity": 2, "price": "29.99", "currency": "EUR"});
    assert_eq!(
        listed,
        [
            ("order.created.v1", &json!({"customer_id": "customer-1", "currency": "EUR"})),
            ("order.item_added.v1", &laptop),
            ("order.item_added.v1", &mice),
            ("order.quantity_changed.v1", &json!({"line": 2, "quantity": 3})),
            ("order.item_removed.v1", &json!({"line": 1})),
            ("order.placed.v1", &json!({})),
            ("order.cancelled.v1", &json!({"reason": "Too late"})),
        ]
    );
    for (version, event) in (1..).zip(events) {
        assert_eq!(event["orderversion"], version);
        assert_eq!(format!("/orders/{}", event["subject"].as_str().unwrap()), path);
    }
    // The feed has the same objects.
    assert_eq!(api.get("/events").await.body, history.body["events"]);
}

async fn a_long_history_comes_in_pages(api: Api) {
    let (path, _) = life(&api).await;
    let mut next = format!("{path}/events?limit=3");
    let mut versions = Vec::new();
    loop {
        let page = api.get(&next).await;
        versions.extend(page.body["events"].as_array().unwrap().iter().map(|e| e["orderversion"].as_u64().unwrap()));
        let Some(after) = page.body["next_after"].as_u64() else { break };
        next = format!("{path}/events?after={after}&limit=3");
        assert_eq!(page.header("link"), format!("<{next}>; rel=\"next\""));
    }
    assert_eq!(versions, (1..=7).collect::<Vec<_>>());
    assert_eq!(api.get(&format!("{path}/events?after=7")).await.body["events"], json!([]));
    for bad in ["after=-1", "after=x", "limit=0", "limit=1001", "cursor=x"] {
        api.get(&format!("{path}/events?{bad}")).await.assert_problem(400, "invalid_parameter");
    }
}

async fn the_history_of_an_unknown_order_is_a_404(api: Api) {
    let path = "/orders/01890a5d-ac96-774b-bcce-b302099a8057/events";
    api.get(path).await.assert_problem(404, "order_not_found");
    api.get(&format!("{path}?after=5")).await.assert_problem(404, "order_not_found");
    api.get("/orders/nonsense/events").await.assert_problem(400, "invalid_parameter");
}

async fn as_of_shows_the_order_at_a_version_or_a_time(api: Api) {
    let (path, then) = life(&api).await;
    for order in &then {
        let at_version = api.get(&format!("{path}?as_of={}", order["version"])).await;
        assert_eq!(at_version.body, *order);
        assert_eq!(at_version.header("etag"), format!("\"{}\"", order["version"]));
        assert_eq!(api.get(&format!("{path}?as_of={}", order["updated_at"].as_str().unwrap())).await.body, *order);
    }
    assert_eq!(api.get(&format!("{path}?as_of=2999-01-01T00:00:00%2B02:00")).await.body, then[4]);
    let first = api.get(&format!("{path}?as_of=1")).await.body;
    assert_eq!((&first["items"], &first["total_amount"]), (&json!([]), &json!("0.00")));
}

async fn as_of_before_the_order_or_after_its_last_version_is_a_404(api: Api) {
    let path = api.order_path().await;
    for moment in ["0", "4", "2147483647", "2020-01-01T00:00:00Z"] {
        api.get(&format!("{path}?as_of={moment}")).await.assert_problem(404, "order_not_found");
    }
    let nobody = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    api.get(&format!("{nobody}?as_of=1")).await.assert_problem(404, "order_not_found");
}

async fn a_malformed_as_of_is_refused(api: Api) {
    let path = api.order_path().await;
    for moment in ["", "-1", "+1", "x", "1.5", "2147483648", "2020-01-01", "2020-13-01T00:00:00Z", "1&as_of=2"] {
        let refused = api.get(&format!("{path}?as_of={moment}")).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [("as_of", "invalid")], "{moment}");
    }
}
