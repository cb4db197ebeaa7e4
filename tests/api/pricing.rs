use orders::infra::PricingOutcomes;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::{
    helpers::Api,
    support::pricing::{answer_now, asked, pricing, server, shop},
};

#[tokio::test]
async fn a_pricing_service_that_is_away_is_a_503_for_what_needs_it_alone() {
    let server = server(shop).await;
    let pricing = pricing(&server);
    let api = Api::with_pricing(pricing.clone());
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let with_item = json!({"customer_id": "c", "items": [item]});
    let order = api.post("/orders", &with_item).await;
    assert_eq!((order.status.as_u16(), order.body["total_amount"].as_str()), (201, Some("12.34")));
    let path = format!("/orders/{}", order.body["order_id"].as_str().unwrap());

    answer_now(&server, ResponseTemplate::new(500)).await;
    // The second time round, the service is left alone.
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
    assert_eq!((pricing.outcomes(), asked(&server).await), (PricingOutcomes { ok: 1, failed: 5, rejected: 3 }, 15));
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
