//! The HTTP pricing service: what it must answer, and what the adapter does with other answers.

use std::{error::Error, time::Duration};

use orders::{
    app::{PricingError, PricingService},
    domain::Sku,
    infra::{BreakerSettings, BreakerState, HttpPricing, PricingOutcomes, PricingSettings},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use crate::support::pricing::{SHORT, answer_now, asked, pricing, server, settings, shop};

#[tokio::test]
async fn products_are_matched_by_sku_in_any_order_of_the_response() {
    let known = |sku: &str| json!({"sku": sku, "name": "It", "price": "5", "currency": "EUR", "stock": 3});
    let answer = json!({"products": [known("MOUSE456"), known("LAPTOP123")], "page": 1});
    let server = server(ResponseTemplate::new(200).set_body_json(answer)).await;
    let base = server.uri().replace("http://", "http://orders:s3cret@") + "/v1/";
    let pricing = HttpPricing::new(&base, settings()).unwrap();

    let skus = ["MOUSE456", "NOTHING1", "LAPTOP123", "MOUSE456"].map(sku);
    let found = pricing.find(&skus).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|found| found.as_ref().map(|it| (it.sku.as_str(), it.price.to_string()))).collect();
    let five = || "5.00".to_owned();
    assert_eq!(found, [Some(("MOUSE456", five())), None, Some(("LAPTOP123", five())), Some(("MOUSE456", five()))]);

    let requests = server.received_requests().await.unwrap();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.url.path(), request.url.query()), ("/v1/products", Some("sku=LAPTOP123,MOUSE456,NOTHING1")));
    assert_eq!(request.headers["user-agent"], concat!("orders/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.headers["authorization"], "Basic b3JkZXJzOnMzY3JldA==");
}

#[tokio::test]
async fn products_are_listed_by_name() {
    let server = server(shop).await;
    let listed = pricing(&server).list().await.unwrap();
    assert_eq!(listed.iter().map(|product| product.sku.as_str()).collect::<Vec<_>>(), ["ADAPTER1", "ZEBRA999"]);
    let requests = server.received_requests().await.unwrap();
    assert_eq!((requests[0].url.path(), requests[0].url.query()), ("/products", None));
}

#[tokio::test]
async fn many_skus_are_split_into_requests_and_no_sku_sends_none() {
    let server = server(shop).await;
    let pricing = pricing(&server);
    assert_eq!(pricing.find(&[]).await.unwrap(), []);
    assert_eq!(asked(&server).await, 0);
    let skus: Vec<Sku> = (0..401).map(|n| sku(&format!("PRODUCT{n:03}"))).collect();
    let found = pricing.find(&skus).await.unwrap();
    assert!(found.iter().zip(&skus).all(|(found, sku)| found.as_ref().is_some_and(|it| it.sku == *sku)));
    assert_eq!(asked(&server).await, 3);
}

#[tokio::test]
async fn temporary_failures_are_retried() {
    let soon = |status| ResponseTemplate::new(status).insert_header("retry-after", "0");
    for trouble in [408, 500, 502, 503, 504].map(ResponseTemplate::new).into_iter().chain([soon(429), soon(503)]) {
        let server = server(shop).await;
        Mock::given(method("GET")).respond_with(trouble.clone()).up_to_n_times(2).with_priority(1).mount(&server).await;
        let pricing = pricing(&server);
        pricing.list().await.unwrap_or_else(|error| panic!("{trouble:?}: {error:?}"));
        assert_eq!(asked(&server).await, 3, "{trouble:?}");
        assert_eq!(pricing.outcomes(), PricingOutcomes { ok: 1, failed: 0, rejected: 0 });
    }
}

#[tokio::test]
async fn permanent_failures_are_not_retried() {
    let later = |status, when: &str| ResponseTemplate::new(status).insert_header("retry-after", when);
    let elsewhere = ResponseTemplate::new(301).insert_header("location", "/products/");
    for refusal in [204, 206, 400, 401, 404, 429].map(ResponseTemplate::new).into_iter().chain([
        elsewhere,
        later(429, "60"),
        later(503, "60"),
        later(503, "Wed, 21 Oct 2037 07:28:00 GMT"),
    ]) {
        let server = server(refusal.clone()).await;
        let pricing = pricing(&server);
        let cause = cause(pricing.list().await);
        assert!(cause.starts_with("the pricing service responded with "), "{refusal:?}: {cause}");
        assert_eq!(asked(&server).await, 1, "{refusal:?}");
        assert_eq!(pricing.outcomes(), PricingOutcomes { ok: 0, failed: 1, rejected: 0 });
    }
}

#[tokio::test]
async fn a_malformed_response_fails_without_a_retry() {
    let product = |field: &str, value: Value| {
        let mut product = json!({"sku": "MOUSE456", "name": "Mouse", "price": "29.99", "currency": "EUR"});
        product[field] = value;
        product
    };
    let one = |field, value| json!({"products": [product(field, value)]}).to_string();
    let good = product("price", json!("29.99"));
    for (answer, expected) in [
        ("<html>".to_owned(), "expected value"),
        (String::new(), "EOF"),
        (r#"{"products": ["#.to_owned(), "EOF"),
        (json!([good]).to_string(), "products"),
        (json!({"items": [good]}).to_string(), "missing field `products`"),
        (json!({"products": [{"sku": "MOUSE456"}]}).to_string(), "missing field `name`"),
        (one("price", json!(29.99)), "expected a string"),
        (one("price", json!("29.999")), "at most 2 decimals"),
        (one("price", json!("-1")), "not negative"),
        (one("price", json!("1e3")), "digits"),
        (one("price", json!("500000000.01")), "at most 500000000"),
        // ISO 4217 has XXX for "no currency".
        (one("currency", json!("XXX")), "ISO 4217"),
        (one("sku", json!("MOUSE")), "8 to 12"),
        (one("name", json!("")), "product name"),
        (one("sku", json!("LAPTOP123")), "LAPTOP123, which was not requested"),
        (json!({"products": [good, good]}).to_string(), "MOUSE456 twice"),
        (padded(&good, 1024 * 1024 + 1), "more than 1048576 bytes"),
    ] {
        let server = server(ResponseTemplate::new(200).set_body_string(&answer)).await;
        let cause = cause(pricing(&server).find(&[sku("MOUSE456")]).await);
        assert!(cause.contains(expected), "{cause}, not {expected}");
        assert_eq!(asked(&server).await, 1, "{cause}");
    }
    let server = server(ResponseTemplate::new(200).set_body_string(padded(&good, 1024 * 1024))).await;
    assert_eq!(pricing(&server).list().await.unwrap().len(), 1);
}

/// A response of so many bytes.
fn padded(product: &Value, bytes: usize) -> String {
    let answer = json!({"products": [product]}).to_string();
    answer.clone() + &" ".repeat(bytes - answer.len())
}

#[tokio::test]
async fn a_slow_service_is_retried_and_then_times_out() {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    let server = server(shop).await;
    Mock::given(method("GET")).respond_with(slow.clone()).up_to_n_times(1).with_priority(1).mount(&server).await;
    let timeout = Duration::from_secs(1);
    let pricing = HttpPricing::new(&server.uri(), PricingSettings { timeout, ..settings() }).unwrap();
    pricing.list().await.unwrap();
    assert_eq!(asked(&server).await, 2);

    answer_now(&server, slow).await;
    let pricing = HttpPricing::new(&server.uri(), impatient()).unwrap();
    assert!(cause(pricing.list().await).contains("timed out"));
    assert_eq!(pricing.outcomes(), PricingOutcomes { ok: 0, failed: 1, rejected: 0 });
}

#[tokio::test]
async fn a_service_that_hangs_or_breaks_off_fails() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (said, then_closes) in [("", false), (half, false), ("", true), (half, true)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let mut connection = listener.accept().await.unwrap().0;
                let _request = connection.read(&mut [0; 4096]).await;
                let _ = connection.write_all(said.as_bytes()).await;
                if !then_closes {
                    held.push(connection);
                }
            }
        });
        let pricing = HttpPricing::new(&base, if then_closes { settings() } else { impatient() }).unwrap();
        assert!(cause(pricing.list().await).starts_with("the pricing service did not respond"));
        serving.abort();
    }
}

#[tokio::test]
async fn an_unreachable_service_fails_without_showing_the_password() {
    let pricing = HttpPricing::new("http://orders:s3cret@127.0.0.1:1", settings()).unwrap();
    let cause = cause(pricing.list().await);
    assert!(cause.contains("refused") && !cause.contains("s3cret"), "{cause}");
}

#[tokio::test]
async fn the_breaker_opens_after_repeated_failures() {
    let server = server(ResponseTemplate::new(500)).await;
    let pricing = pricing(&server);
    for _ in 0..5 {
        assert_eq!(pricing.breaker_state(), BreakerState::Closed);
        assert!(pricing.list().await.is_err());
    }
    assert_eq!(pricing.breaker_state(), BreakerState::Open);
    assert_eq!(asked(&server).await, 15);
    answer_now(&server, shop).await;
    assert!(cause(pricing.list().await).contains("gets no requests for a while"));
    assert!(pricing.find(&[sku("MOUSE456")]).await.is_err());
    assert_eq!(asked(&server).await, 0);
    assert_eq!(pricing.outcomes(), PricingOutcomes { ok: 0, failed: 5, rejected: 2 });
}

#[tokio::test]
async fn after_the_pause_one_call_probes_the_service() {
    let server = server(ResponseTemplate::new(500)).await;
    let pricing = half_open(&server).await;
    assert!(pricing.list().await.is_err());
    assert_eq!(pricing.breaker_state(), BreakerState::HalfOpen);
    answer_now(&server, shop).await;
    pricing.list().await.unwrap();
    assert_eq!(pricing.breaker_state(), BreakerState::Closed);
    assert_eq!(pricing.outcomes(), PricingOutcomes { ok: 1, failed: 6, rejected: 0 });
}

#[tokio::test]
async fn other_calls_fail_at_once_during_a_probe_and_a_dropped_probe_frees_its_place() {
    let server = server(ResponseTemplate::new(500)).await;
    let pricing = half_open(&server).await;
    answer_now(&server, shop).await;
    let mut probe = Box::pin(pricing.list());
    // The first poll takes the only place for a probe.
    assert!(futures_util::poll!(probe.as_mut()).is_pending());
    assert!(cause(pricing.list().await).contains("gets no requests for a while"));
    drop(probe);
    pricing.list().await.unwrap();
}

/// An adapter that failed five times and does not pause.
async fn half_open(server: &MockServer) -> HttpPricing {
    let breaker = BreakerSettings { pause: Duration::ZERO, ..settings().breaker };
    let pricing = HttpPricing::new(&server.uri(), PricingSettings { breaker, ..settings() }).unwrap();
    for _ in 0..5 {
        assert!(pricing.list().await.is_err());
    }
    assert_eq!(pricing.breaker_state(), BreakerState::HalfOpen);
    pricing
}

fn impatient() -> PricingSettings {
    PricingSettings { timeout: SHORT, ..settings() }
}

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

/// The error with its causes.
fn cause<T: std::fmt::Debug>(result: Result<T, PricingError>) -> String {
    let error = result.unwrap_err();
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
