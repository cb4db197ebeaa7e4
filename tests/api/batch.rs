use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, Api, on_each_store};

on_each_store! {
    every_valid_order_of_a_batch_is_created,
    one_invalid_order_rejects_the_whole_batch,
    under_partial_the_valid_orders_are_created,
    a_batch_has_1_to_100_orders,
    a_repeated_batch_gets_the_first_response_again,
    a_repeated_partial_batch_creates_only_the_missing_orders,
    equal_parallel_batches_create_each_order_once,
}

fn good(customer: &str) -> Value {
    json!({"customer_id": customer, "items": [{"sku": "MOUSE456", "quantity": 1}]})
}

fn bad() -> [Value; 3] {
    let unknown = json!({"customer_id": "c", "items": [{"sku": "NOSUCH123", "quantity": 1}]});
    let invalid = json!({"customer_id": "c", "items": [{"sku": "MOUSE456", "quantity": 0}]});
    [unknown, invalid, json!({"customer": "c"})]
}

/// Index and status of each result.
fn statuses(answer: &Answer) -> Vec<(u64, u64)> {
    assert_eq!(answer.status, 207, "{answer:?}");
    let results = answer.body["results"].as_array().unwrap();
    results.iter().map(|result| (result["index"].as_u64().unwrap(), result["status"].as_u64().unwrap())).collect()
}

async fn every_valid_order_of_a_batch_is_created(api: Api) {
    let orders: Vec<Value> = (0..100).map(|n| good(&format!("customer-{n}"))).collect();
    let answer = api.post("/orders/batch", &json!({"orders": orders})).await;
    assert_eq!(statuses(&answer), (0..100).map(|index| (index, 201)).collect::<Vec<_>>());
    for (n, result) in answer.body["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["order"]["customer_id"], format!("customer-{n}"));
        let id = result["order"]["order_id"].as_str().unwrap();
        assert_eq!(api.get(&format!("/orders/{id}")).await.body, result["order"]);
    }
    assert_eq!(api.orders_count().await, 100);
}

async fn one_invalid_order_rejects_the_whole_batch(api: Api) {
    for (bad, status, pointer) in bad()
        .into_iter()
        .zip([422, 422, 400])
        .zip(["/orders/1/items/0/sku", "/orders/1/items/0/quantity", "/orders/1/customer_id"])
        .map(|((a, b), c)| (a, b, c))
    {
        let answer = api.post("/orders/batch", &json!({"orders": [good("a"), bad, good("b")]})).await;
        assert_eq!(statuses(&answer), [(0, 424), (1, status), (2, 424)]);
        assert_eq!(answer.body["results"][0]["problem"]["code"], "batch_rejected");
        assert_eq!(answer.body["results"][1]["problem"]["errors"][0]["pointer"], pointer);
    }
    assert_eq!(api.orders_count().await, 0);
}

async fn under_partial_the_valid_orders_are_created(api: Api) {
    let [unknown, invalid, misshapen] = bad();
    let orders = json!([good("a"), unknown, invalid, good("b"), misshapen]);
    let answer = api.post("/orders/batch", &json!({"orders": orders, "error_policy": "partial"})).await;
    assert_eq!(statuses(&answer), [(0, 201), (1, 422), (2, 422), (3, 201), (4, 400)]);
    assert_eq!(answer.body["results"][1]["problem"]["code"], "unknown_product");
    assert_eq!(api.orders_count().await, 2);
}

async fn a_batch_has_1_to_100_orders(api: Api) {
    for (body, status, code) in [
        (json!({"orders": []}), 422, "validation_failed"),
        (json!({"orders": vec![json!({"customer_id": "c"}); 101]}), 422, "validation_failed"),
        (json!({"orders": [good("a")], "error_policy": "ignore"}), 422, "validation_failed"),
        (json!({"orders": {}}), 400, "invalid_body"),
        (json!({}), 400, "invalid_body"),
        (json!({"orders": [good("a")], "dry_run": true}), 400, "invalid_body"),
    ] {
        api.post("/orders/batch", &body).await.assert_problem(status, code);
    }
    assert_eq!(api.orders_count().await, 0);
}

async fn a_repeated_batch_gets_the_first_response_again(api: Api) {
    let body = json!({"orders": [good("a"), good("b")]});
    let send = |body: Value| {
        Answer::receive(api.request(Method::POST, "/orders/batch").header("idempotency-key", "k").json(&body))
    };
    let first = send(body.clone()).await;
    let again = send(body).await;
    assert_eq!(again.body, first.body);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(api.orders_count().await, 2);
    send(json!({"orders": [good("a")]})).await.assert_problem(422, "idempotency_key_reused");
}

async fn a_repeated_partial_batch_creates_only_the_missing_orders(api: Api) {
    let [unknown, ..] = bad();
    let body = json!({"orders": [unknown, good("a")], "error_policy": "partial"});
    let send =
        || Answer::receive(api.request(Method::POST, "/orders/batch").header("idempotency-key", "k").json(&body));
    let (first, again) = (send().await, send().await);
    assert_eq!(statuses(&first), [(0, 422), (1, 201)]);
    assert_eq!(again.body["results"][1], first.body["results"][1]);
    assert_eq!(api.orders_count().await, 1);
}

async fn equal_parallel_batches_create_each_order_once(api: Api) {
    for policy in ["reject_all", "partial"] {
        let orders: Vec<Value> = (0..20).map(|n| good(&format!("{policy}-{n}"))).collect();
        let body = json!({"orders": orders, "error_policy": policy});
        let send = || {
            Answer::receive(api.request(Method::POST, "/orders/batch").header("idempotency-key", policy).json(&body))
        };
        let answers = join_all((0..8).map(|_| send())).await;
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), &answer.body), (207, &answers[0].body));
        }
    }
    assert_eq!(api.orders_count().await, 40);
}
