use serde_json::json;

use crate::helpers::{Api, on_each_store};

on_each_store! {
    an_order_is_created_with_prices_and_read_back,
    an_order_without_items_or_currency_is_open_and_in_euros,
    an_item_is_added_at_the_price_of_the_catalogue,
    the_same_product_twice_is_two_lines,
    values_are_trimmed_and_normalised,
    products_are_listed,
}

async fn an_order_is_created_with_prices_and_read_back(api: Api) {
    let items = json!([{"sku": "LAPTOP123", "quantity": 3}, {"sku": "MOUSE456", "quantity": 10}]);
    let created = api.post("/orders", &json!({"customer_id": "customer-1", "items": items})).await;

    assert_eq!(created.status, 201);
    let id = created.body["order_id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/orders/{id}"));
    assert_eq!(created.header("etag"), "\"3\"");
    assert_eq!(created.body["customer_id"], "customer-1");
    assert_eq!(created.body["status"], "open");
    assert_eq!(created.body["currency"], "EUR");
    assert_eq!(created.body["items_count"], 2);
    assert_eq!(created.body["units_count"], 13);
    assert_eq!(created.body["total_amount"], "3299.87");
    assert_eq!(created.body["version"], 3);
    assert_eq!(created.body["created_at"].as_str().unwrap().chars().last(), Some('Z'));
    let laptop = json!({"line": 1, "sku": "LAPTOP123", "name": "Laptop", "quantity": 3, "price": "999.99", "subtotal": "2999.97"});
    let mouse =
        json!({"line": 2, "sku": "MOUSE456", "name": "Mouse", "quantity": 10, "price": "29.99", "subtotal": "299.90"});
    assert_eq!(created.body["items"], json!([laptop, mouse]));

    let read = api.get(&format!("/orders/{id}")).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.header("etag"), "\"3\"");
    assert_eq!(read.body, created.body);
}

async fn an_order_without_items_or_currency_is_open_and_in_euros(api: Api) {
    let created = api.post("/orders", &json!({"customer_id": "customer-1"})).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["total_amount"], "0.00");
    assert_eq!(created.body["items"], json!([]));

    let yen = api.post("/orders", &json!({"customer_id": "customer-1", "currency": "JPY"})).await;
    assert_eq!((&yen.body["currency"], &yen.body["total_amount"]), (&json!("JPY"), &json!("0")));
}

async fn an_item_is_added_at_the_price_of_the_catalogue(api: Api) {
    let order = api.order().await;
    let id = order["order_id"].as_str().unwrap();
    let changed = api.post(&format!("/orders/{id}/items"), &json!({"sku": "MONITOR147", "quantity": 2})).await;

    assert_eq!(changed.status, 201);
    assert_eq!(changed.header("etag"), "\"4\"");
    assert_eq!(changed.body["total_amount"], "1559.95");
    assert_eq!(changed.body["items"][2]["line"], 3);
    assert_eq!(changed.body["items"][2]["subtotal"], "499.98");
    assert_eq!(api.get(&format!("/orders/{id}")).await.body, changed.body);
}

async fn the_same_product_twice_is_two_lines(api: Api) {
    let mouse = json!({"sku": "MOUSE456", "quantity": 1});
    let created = api.post("/orders", &json!({"customer_id": "c", "items": [mouse, mouse]})).await;
    assert_eq!((&created.body["items_count"], &created.body["total_amount"]), (&json!(2), &json!("59.98")));
}

async fn values_are_trimmed_and_normalised(api: Api) {
    let body = json!({"customer_id": "  <img onerror=alert(1)> ", "items": [{"sku": " mouse456 ", "quantity": 999}]});
    let created = api.post("/orders", &body).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["customer_id"], "<img onerror=alert(1)>");
    assert_eq!(created.body["items"][0]["sku"], "MOUSE456");
    assert_eq!(created.body["total_amount"], "29960.01");
}

async fn products_are_listed(api: Api) {
    let products = api.get("/products").await;
    assert_eq!(products.status, 200);
    let products = products.body["products"].as_array().unwrap().clone();
    assert_eq!(products.len(), 17);
    let laptop = json!({"sku": "LAPTOP123", "name": "Laptop", "price": "999.99", "currency": "EUR"});
    assert!(products.contains(&laptop));
}
