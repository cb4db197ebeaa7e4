//! Pricing services over HTTP: correct ones and faulty ones.

use std::time::Duration;

use orders::infra::{BreakerSettings, HttpPricing, PricingSettings};
use serde_json::json;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

/// A timeout that a test can wait for, three times.
pub(crate) const SHORT: Duration = Duration::from_millis(50);
/// A timeout that no test reaches.
const LONG: Duration = Duration::from_mins(1);

/// A server that responds to every request in this way.
pub(crate) async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    answer_now(&server, answer).await;
    server
}

/// Makes the server respond in this way from now on.
pub(crate) async fn answer_now(server: &MockServer, answer: impl Respond + 'static) {
    server.reset().await;
    Mock::given(method("GET")).respond_with(answer).mount(server).await;
}

/// Prices every requested SKU at 12.34. Its catalogue has two products.
pub(crate) fn shop(request: &Request) -> ResponseTemplate {
    let skus = request.url.query_pairs().find(|(name, _)| name == "sku");
    let skus = skus.map_or("ZEBRA999,ADAPTER1".to_owned(), |(_, skus)| skus.into_owned());
    // Not in the order of the request.
    let products: Vec<_> = skus
        .rsplit(',')
        .map(|sku| json!({"sku": sku, "name": format!("The {sku}"), "price": "12.34", "currency": "EUR"}))
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({"products": products}))
}

/// Settings with a long timeout, a short wait before a retry, and a breaker that stays open for the whole test.
pub(crate) fn settings() -> PricingSettings {
    let breaker = BreakerSettings { pause: LONG, ..PricingSettings::new(LONG).breaker };
    PricingSettings { backoff: Duration::from_millis(1), breaker, ..PricingSettings::new(LONG) }
}

pub(crate) fn pricing(server: &MockServer) -> HttpPricing {
    HttpPricing::new(&server.uri(), settings()).unwrap()
}

/// The number of requests since the last call of `answer_now`.
pub(crate) async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
