use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, Api, on_each_store};

on_each_store! {
    a_repeated_request_gets_the_same_response_and_changes_nothing,
    a_repeated_request_gets_the_first_response_after_later_changes,
    a_repeated_request_gets_the_first_response_when_the_order_would_now_refuse_it,
    fifty_parallel_requests_with_one_key_create_one_order_and_get_equal_responses,
    fifty_parallel_additions_with_one_key_add_one_item,
    a_key_names_one_request,
    a_key_of_a_batch_names_no_other_request,
    a_failed_request_does_not_use_up_its_key,
    a_malformed_key_is_refused,
    quotes_around_a_key_are_not_part_of_it,
}

async fn keyed(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    Answer::receive(api.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

fn new_order() -> Value {
    json!({"customer_id": "customer-1", "items": [{"sku": "MOUSE456", "quantity": 2}]})
}

async fn a_repeated_request_gets_the_same_response_and_changes_nothing(api: Api) {
    let first = keyed(&api, "/orders", "key-1", &new_order()).await;
    // The same request with other white space and another order of names.
    let spaced = "{ \"items\": [{\"quantity\":2, \"sku\":\"MOUSE456\"}],\n \"customer_id\":\"customer-1\" }";
    let request = api.request(Method::POST, "/orders").header("idempotency-key", "key-1");
    let again = Answer::receive(request.header("content-type", "application/json").body(spaced)).await;

    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.body, first.body);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name));
    }
    assert_eq!(api.orders_count().await, 1);
}

async fn a_repeated_request_gets_the_first_response_after_later_changes(api: Api) {
    let order = api.order().await;
    let path = format!("/orders/{}/items", order["order_id"].as_str().unwrap());
    let mouse = json!({"sku": "MOUSE456", "quantity": 1});
    let first = keyed(&api, &path, "add-1", &mouse).await;
    api.post(&path, &json!({"sku": "LAPTOP123", "quantity": 9})).await;

    let again = keyed(&api, &path, "add-1", &mouse).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("etag"), "\"4\"");
    // The condition of a repeated request is not checked again.
    let request = api.request(Method::POST, &path).header("idempotency-key", "add-1").header("if-match", "\"3\"");
    assert_eq!(Answer::receive(request.json(&mouse)).await.body, first.body);
}

async fn a_repeated_request_gets_the_first_response_when_the_order_would_now_refuse_it(api: Api) {
    let order = api.order().await;
    let path = |action: &str| format!("/orders/{}/{action}", order["order_id"].as_str().unwrap());
    let placed = keyed(&api, &path("place"), "place-1", &json!({})).await;
    assert_eq!(placed.status, 200);
    assert_eq!(keyed(&api, &path("fulfil"), "fulfil-1", &json!({})).await.status, 200);

    let again = keyed(&api, &path("place"), "place-1", &json!({})).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (placed.status, &placed.body, "true"));
    keyed(&api, &path("place"), "place-2", &json!({})).await.assert_problem(409, "order_not_open");
    keyed(&api, &path("cancel"), "place-1", &json!({})).await.assert_problem(422, "idempotency_key_reused");
}

async fn fifty_parallel_requests_with_one_key_create_one_order_and_get_equal_responses(api: Api) {
    let body = new_order();
    let answers = join_all((0..50).map(|_| keyed(&api, "/orders", "one-key", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
    }
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count(), 1);
    assert_eq!(api.orders_count().await, 1);
}

async fn fifty_parallel_additions_with_one_key_add_one_item(api: Api) {
    let order = api.order().await;
    let path = format!("/orders/{}/items", order["order_id"].as_str().unwrap());
    let body = json!({"sku": "MOUSE456", "quantity": 1});
    let answers = join_all((0..50).map(|_| keyed(&api, &path, "one-key", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
    }
    assert_eq!(answers[0].body["items_count"], 3);
}

async fn a_key_names_one_request(api: Api) {
    let order = keyed(&api, "/orders", "key", &new_order()).await.body;
    keyed(&api, "/orders", "key", &json!({"customer_id": "other"})).await.assert_problem(422, "idempotency_key_reused");
    let items = format!("/orders/{}/items", order["order_id"].as_str().unwrap());
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    keyed(&api, &items, "key", &item).await.assert_problem(422, "idempotency_key_reused");
    let batch = json!({"orders": [new_order()]});
    keyed(&api, "/orders/batch", "key", &batch).await.assert_problem(422, "idempotency_key_reused");
    assert_eq!(api.orders_count().await, 1);
}

async fn a_key_of_a_batch_names_no_other_request(api: Api) {
    // The first order is refused, so the key leads only to the second one.
    let unknown = json!({"customer_id": "c", "items": [{"sku": "NOSUCH123", "quantity": 1}]});
    let batch = json!({"orders": [unknown, new_order()], "error_policy": "partial"});
    assert_eq!(keyed(&api, "/orders/batch", "key", &batch).await.status, 207);
    keyed(&api, "/orders", "key", &new_order()).await.assert_problem(422, "idempotency_key_reused");
    let again = keyed(&api, "/orders/batch", "key", &batch).await;
    assert_eq!((again.status.as_u16(), api.orders_count().await), (207, 1));
}

async fn a_failed_request_does_not_use_up_its_key(api: Api) {
    let unknown = json!({"customer_id": "c", "items": [{"sku": "NOSUCH123", "quantity": 1}]});
    keyed(&api, "/orders", "key", &unknown).await.assert_problem(422, "unknown_product");
    assert_eq!(keyed(&api, "/orders", "key", &new_order()).await.status, 201);
}

async fn a_malformed_key_is_refused(api: Api) {
    for malformed in ["\"", "\"a", "\"a\"b\"", "\"\\x\"", &"x".repeat(256), "\"\"", "a\tb"] {
        let answer = keyed(&api, "/orders", malformed, &new_order()).await;
        answer.assert_problem(400, "invalid_parameter");
        assert_eq!(answer.errors(), [("idempotency-key", "invalid")], "{malformed}");
    }
    let twice = api.request(Method::POST, "/orders").header("idempotency-key", "a").header("idempotency-key", "b");
    Answer::receive(twice.json(&new_order())).await.assert_problem(400, "invalid_parameter");
    assert_eq!(api.orders_count().await, 0);
    assert_eq!(keyed(&api, "/orders", &"x".repeat(255), &new_order()).await.status, 201);
}

async fn quotes_around_a_key_are_not_part_of_it(api: Api) {
    let bare = keyed(&api, "/orders", "8e03978e-40d5", &new_order()).await;
    let quoted = keyed(&api, "/orders", "\"8e03978e-40d5\"", &new_order()).await;
    assert_eq!(quoted.body, bare.body);
}
