//! Pricing services that answer over HTTP as they should, and as they should not.

use std::time::Duration;

use orders::infra::{BreakerSettings, HttpPricing, PricingSettings};
use serde_json::json;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

/// Small enough for a test to wait for it, three times.
pub(crate) const SHORT: Duration = Duration::from_millis(50);
const PATIENT: Duration = Duration::from_mins(1);

/// A server that answers every request in this way.
pub(crate) async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    answer_now(&server, answer).await;
    server
}

/// From now on it answers in this way.
pub(crate) async fn answer_now(server: &MockServer, answer: impl Respond + 'static) {
    server.reset().await;
    Mock::given(method("GET")).respond_with(answer).mount(server).await;
}

/// Sells whatever it is asked for at 12.34, and two things in all.
pub(crate) fn shop(request: &Request) -> ResponseTemplate {
    let skus = request.url.query_pairs().find(|(name, _)| name == "sku");
    let skus = skus.map_or("ZEBRA999,ADAPTER1".to_owned(), |(_, skus)| skus.into_owned());
    // In another order than asked.
    let products: Vec<_> = skus
        .rsplit(',')
        .map(|sku| json!({"sku": sku, "name": format!("The {sku}"), "price": "12.34", "currency": "EUR"}))
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({"products": products}))
}

/// Waits long for an answer, little between two tries, and is not asked again once it failed too often.
pub(crate) fn settings() -> PricingSettings {
    let breaker = BreakerSettings { pause: PATIENT, ..PricingSettings::new(PATIENT).breaker };
    PricingSettings { backoff: Duration::from_millis(1), breaker, ..PricingSettings::new(PATIENT) }
}

pub(crate) fn pricing(server: &MockServer) -> HttpPricing {
    HttpPricing::new(&server.uri(), settings()).unwrap()
}

/// How many requests have come since the server answers as it does now.
pub(crate) async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
