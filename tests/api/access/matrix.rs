//! Tenants, customers and scopes against every route that names an order: nobody sees what is not theirs, and nobody learns
//! that it exists.

use orders::{app::Store, domain::Scope};
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, Api, on_each_store_guarded};

use super::Guarded;

on_each_store_guarded! {
    another_tenants_order_does_not_exist_in_any_route_whatever_the_scopes,
    another_customers_order_does_not_exist_for_a_caller_who_is_bound_to_one,
    lists_feeds_and_counts_have_the_own_tenant_only,
    cursors_conditions_and_idempotency_keys_of_another_tenant_mean_nothing,
    operators_with_the_scope_read_the_whole_log_by_position,
}

/// Each operation of the document whose path names an order, with a body that is right.
async fn requests_about(api: &Api, order_id: &str) -> Vec<(Method, String, Option<Value>)> {
    let document = api.get("/openapi.json").await.body;
    let mut requests = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains("{order_id}")) {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{order_id}", order_id).replace("{line}", "1");
            let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
            requests.push((method.to_uppercase().parse().unwrap(), path, Some(body).filter(|body| !body.is_null())));
        }
    }
    requests.push((Method::GET, format!("/orders/{order_id}?as_of=1"), None));
    requests.push((Method::GET, format!("/orders/{order_id}?as_of=2999-01-01T00:00:00Z"), None));
    assert!(requests.len() > 10, "{requests:?}");
    requests
}

async fn send(api: &Api, (method, path, body): &(Method, String, Option<Value>)) -> Answer {
    let request = api.request(method.clone(), path);
    Answer::receive(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

/// Without what differs from request to request.
fn comparable(mut answer: Answer, order_id: &str) -> (u16, String) {
    if let Some(problem) = answer.body.as_object_mut() {
        problem.remove("request_id");
    }
    (answer.status.as_u16(), answer.body.to_string().replace(order_id, "ID"))
}

async fn another_tenants_order_does_not_exist_in_any_route_whatever_the_scopes(guarded: Guarded<impl Store>) {
    let owner = guarded.admin("acme").await;
    let order = owner.order().await;
    let (id, unknown) = (order["order_id"].as_str().unwrap(), "01890a5d-ac96-774b-bcce-b302099a8057");
    let mut leaks = Vec::new();
    let all: Vec<Scope> = Scope::ALL.to_vec();
    let sets = Scope::ALL.iter().map(|scope| vec![*scope]).chain([all]);
    for scopes in sets {
        let stranger = guarded.caller("umbrella", &scopes).await;
        let theirs = requests_about(&guarded.api, id).await;
        for (about, nothing) in theirs.iter().zip(requests_about(&guarded.api, unknown).await) {
            let (about_theirs, about_nothing) = (send(&stranger, about).await, send(&stranger, &nothing).await);
            let (theirs, nothing) = (comparable(about_theirs, id), comparable(about_nothing, unknown));
            // 403 for the scope, whoever owns the order; else 404. The two answers do not differ.
            if theirs != nothing || ![403, 404].contains(&theirs.0) {
                leaks.push(format!("{scopes:?} {about:?}: {theirs:?} {nothing:?}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert_eq!(owner.get(&format!("/orders/{id}")).await.body, order, "nothing has changed");
}

async fn another_customers_order_does_not_exist_for_a_caller_who_is_bound_to_one(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let theirs = admin.order().await;
    let (id, unknown) = (theirs["order_id"].as_str().unwrap(), "01890a5d-ac96-774b-bcce-b302099a8057");
    let scopes = [Scope::OrdersRead, Scope::OrdersWrite, Scope::EventsRead];
    let bound = guarded.api.with_credential(&guarded.key("acme", &scopes, Some("own")).await);
    for (about, nothing) in
        requests_about(&guarded.api, id).await.iter().zip(requests_about(&guarded.api, unknown).await)
    {
        let (theirs, nothing) = (send(&bound, about).await, send(&bound, &nothing).await);
        assert_eq!(comparable(theirs, id), comparable(nothing, unknown), "{about:?}");
    }
    let other = bound.post("/orders", &json!({"customer_id": "customer-1"})).await;
    other.assert_problem(403, "other_customer");
    for policy in ["partial", "reject_all"] {
        let orders = json!({"orders": [{"customer_id": "own"}, {"customer_id": "other"}], "error_policy": policy});
        let batch = bound.post("/orders/batch", &orders).await.body;
        assert_eq!(batch["results"][1]["status"], 403, "{policy}: {batch}");
    }
    let own = bound.post("/orders", &json!({"customer_id": "own"})).await.body;
    let page = bound.get("/orders?total=true").await.body;
    assert_eq!(page["total_orders"], 2, "{page}");
    assert!(page["orders"].as_array().unwrap().iter().all(|order| order["customer_id"] == "own"), "{page}");
    assert_eq!(bound.get("/orders?customer_id=customer-1&total=true").await.body["total_orders"], 0);
    let path = format!("/orders/{}", own["order_id"].as_str().unwrap());
    for path in [path.clone(), format!("{path}/events"), format!("{path}?as_of=1")] {
        assert_eq!(bound.get(&path).await.status, 200, "{path}");
    }
    // The events of all orders are not theirs. Those of one order are, if it is.
    bound.get("/events").await.assert_problem(403, "other_customer");
    bound.get("/events/stream").await.assert_problem(403, "other_customer");
    bound.get(&format!("/events?order_id={id}")).await.assert_problem(404, "order_not_found");
    let events = bound.get(&format!("/events?order_id={}", own["order_id"].as_str().unwrap())).await.body;
    assert_eq!(events.as_array().unwrap().len(), 1);
}

async fn lists_feeds_and_counts_have_the_own_tenant_only(guarded: Guarded<impl Store>) {
    let (acme, umbrella) = (guarded.admin("acme").await, guarded.admin("umbrella").await);
    for _ in 0..3 {
        acme.order().await;
    }
    let own = umbrella.order().await;
    let page = umbrella.get("/orders?total=true").await.body;
    assert_eq!((page["total_orders"].as_u64(), page["orders"][0]["order_id"] == own["order_id"]), (Some(1), true));
    let feed = umbrella.get("/events").await;
    let sequences: Vec<_> = feed.body.as_array().unwrap().iter().map(|event| event["sequence"].clone()).collect();
    assert_eq!(
        sequences,
        [1, 2, 3].map(|n| format!("{n:019}")),
        "dense, although nine events of another tenant came before"
    );
    assert!(feed.body.as_array().unwrap().iter().all(|event| event["tenant"] == "umbrella"));
    assert!(feed.header("link").contains("after=3&"), "{}", feed.header("link"));
    umbrella.get("/events?after=4").await.assert_problem(410, "position_ahead");
    assert_eq!(umbrella.get("/events?after=3").await.body, json!([]));
    let mut stream = umbrella.follow("/events/stream?after=2").await;
    let (id, _, event) = stream.event().await.unwrap();
    assert_eq!((id, event["sequence"].as_str()), (3, Some("0000000000000000003")));
}

async fn cursors_conditions_and_idempotency_keys_of_another_tenant_mean_nothing(guarded: Guarded<impl Store>) {
    let (acme, umbrella) = (guarded.admin("acme").await, guarded.admin("umbrella").await);
    for api in [&acme, &umbrella] {
        for _ in 0..2 {
            api.order().await;
        }
    }
    let cursor = acme.get("/orders?limit=1").await.body["next_cursor"].as_str().unwrap().to_owned();
    umbrella.get(&format!("/orders?limit=1&cursor={cursor}")).await.assert_problem(400, "invalid_cursor");
    let id = acme.order().await["order_id"].as_str().unwrap().to_owned();
    let known = umbrella.request(Method::GET, &format!("/orders/{id}")).header("if-none-match", "\"3\"");
    assert_eq!(Answer::receive(known).await.status, 404);
    // The same key of two tenants, and of two callers of one tenant, is three keys.
    let second = guarded.admin("acme").await;
    let mut orders = Vec::new();
    for api in [&acme, &umbrella, &second, &acme] {
        let request = api.request(Method::POST, "/orders").header("idempotency-key", "same");
        let created = Answer::receive(request.json(&json!({"customer_id": "c"}))).await;
        assert_eq!(created.status, 201);
        orders.push(created.body["order_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(orders[0], orders[3]);
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 3);
}

async fn operators_with_the_scope_read_the_whole_log_by_position(guarded: Guarded<impl Store>) {
    let (acme, umbrella) = (guarded.admin("acme").await, guarded.admin("umbrella").await);
    acme.order().await;
    umbrella.order().await;
    let all = umbrella.get("/events?all_tenants=true&after=2").await;
    let seen: Vec<_> = all
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (
                event["position"].as_str().unwrap().trim_start_matches('0'),
                event["sequence"].as_str().unwrap().trim_start_matches('0'),
                event["tenant"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("3", "3", "acme"), ("4", "1", "umbrella"), ("5", "2", "umbrella"), ("6", "3", "umbrella")]);
    assert!(all.header("link").contains("all_tenants=true"));
    let one = guarded.caller("acme", &[Scope::EventsRead]).await;
    one.get("/events?all_tenants=true").await.assert_problem(403, "insufficient_scope");
    one.get("/events/stream?all_tenants=true").await.assert_problem(403, "insufficient_scope");
    let bound = guarded.key("acme", &[Scope::EventsRead, Scope::EventsReadAll], Some("own")).await;
    let bound = guarded.api.with_credential(&bound);
    bound.get("/events?all_tenants=true").await.assert_problem(403, "other_customer");
}
