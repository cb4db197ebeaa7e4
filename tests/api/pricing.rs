use orders::{
    app::PricingService,
    infra::{Metrics, Pricing, PricingOutcomes},
};
use reqwest::Method;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::{
    helpers::{Answer, Api},
    support::pricing::{answer_now, asked, pricing, server, shop},
};

#[tokio::test]
async fn a_pricing_service_that_does_not_answer_is_a_503_only_for_requests_that_need_prices() {
    let server = server(shop).await;
    let pricing = pricing(&server);
    let api = Api::builder().pricing(pricing.clone()).start();
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let with_item = json!({"customer_id": "c", "items": [item]});
    let order = api.post("/orders", &with_item).await;
    assert_eq!((order.status.as_u16(), order.body["total_amount"].as_str()), (201, Some("12.34")));
    let path = format!("/orders/{}", order.body["order_id"].as_str().unwrap());

    // The first test that runs reads the OpenAPI document, which lists the products: earlier calls are not counted.
    let before = pricing.outcomes();
    answer_now(&server, ResponseTemplate::new(500)).await;
    // In the second round the breaker is open.
    for _ in 0..2 {
        for answer in [
            api.get("/products").await,
            api.post("/orders", &with_item).await,
            api.post(&format!("{path}/items"), &item).await,
            api.post("/orders/batch", &json!({"orders": [with_item]})).await,
        ] {
            answer.assert_problem(503, "pricing_unavailable");
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
    assert_eq!((pricing.outcomes(), asked(&server).await), (PricingOutcomes { failed: 5, rejected: 3, ..before }, 15));
    assert_eq!(api.get(&path).await.body, order.body);
    assert_eq!(api.orders_count().await, 1);

    assert_eq!(api.patch(&format!("{path}/items/1"), &json!({"quantity": 2})).await.status, 200);
    assert_eq!(api.post_nothing(&format!("{path}/place")).await.status, 200);
    assert_eq!(api.post_nothing(&format!("{path}/cancel")).await.status, 200);
    assert_eq!(api.post("/orders", &json!({"customer_id": "c"})).await.status, 201);
    for path in ["/health/live", "/health/ready", "/events", "/orders"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_without_the_pricing_service() {
    let server = server(shop).await;
    let api = Api::builder().pricing(pricing(&server)).start();
    let keyed = async |path: &str, key: &str, body: &serde_json::Value| {
        Answer::receive(api.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    };
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let order = json!({"customer_id": "c", "items": [item]});
    let created = keyed("/orders", "create", &order).await;
    let items = format!("/orders/{}/items", created.body["order_id"].as_str().unwrap());
    let added = keyed(&items, "add", &item).await;
    assert_eq!((created.status.as_u16(), added.status.as_u16()), (201, 201));

    answer_now(&server, ResponseTemplate::new(500)).await;
    for (path, key, body, first) in [("/orders", "create", &order, &created), (items.as_str(), "add", &item, &added)] {
        let again = keyed(path, key, body).await;
        assert_eq!(
            (again.status, &again.body, again.header("idempotent-replayed")),
            (first.status, &first.body, "true")
        );
        keyed(path, "new", body).await.assert_problem(503, "pricing_unavailable");
    }
}

#[tokio::test]
async fn the_trace_of_a_request_continues_to_the_pricing_service() {
    let server = server(shop).await;
    let api = Api::builder().pricing(pricing(&server)).start();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request =
        api.request(Method::GET, "/products").header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(Answer::receive(request).await.status, 200);
    let asked = server.received_requests().await.unwrap();
    let passed_on = asked[0].headers["traceparent"].to_str().unwrap();
    // The trace and the flags are the same; the span is a new one.
    assert!(passed_on.starts_with(&format!("00-{trace}-")) && passed_on.ends_with("-01"), "{passed_on}");
    assert!(!passed_on.contains("00f067aa0ba902b7"));
}

#[tokio::test]
async fn the_calls_and_the_breaker_of_the_pricing_service_are_counted() {
    let server = server(ResponseTemplate::new(400)).await;
    let telemetry = Metrics::new("0", "test");
    let service = Pricing::Http(pricing(&server)).with_metrics(&telemetry);
    for _ in 0..6 {
        service.list().await.unwrap_err();
    }
    let rendered = telemetry.render();
    for sample in [
        "orders_pricing_requests_total{outcome=\"failed\"} 5",
        "orders_pricing_requests_total{outcome=\"rejected\"} 1",
        "orders_pricing_breaker_state{state=\"open\"} 1",
        "orders_pricing_breaker_state{state=\"closed\"} 0",
    ] {
        assert!(rendered.contains(sample), "{sample} is not in {rendered}");
    }
}
