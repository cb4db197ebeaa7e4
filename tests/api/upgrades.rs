//! Offers to change the protocol, which the service ignores (RFC 9110, section 7.8).

use std::{fs, process::Command};

use crate::{helpers::Api, raw_client::RawClient};

/// What the `HttpClient` of the JDK offers with every request.
const H2C: &str = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n";
/// What a proxy with the usual lines for WebSocket sends, with an offer of its client and without one.
const PROXY: &str = "Connection: upgrade\r\n";
const WEBSOCKET: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n";

fn post(headers: &str) -> String {
    let body = r#"{"customer_id":"c"}"#;
    let length = body.len();
    format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_request_with_an_offer_is_served_like_any_other_and_the_connection_is_kept() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    for offer in [H2C, PROXY, WEBSOCKET, "Upgrade: websocket\r\n", "upgrade:h2c, x/1\r\nconnection: x,UPGRADE\r\n"] {
        for request in [post(offer), format!("GET /products HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n")] {
            client.send(&request).await;
            let response = client.response().await;
            assert!(matches!(response.status, 200 | 201), "{request}: {response:?}");
            assert_eq!((response.header("connection"), response.header("upgrade")), (None, None), "{request}");
        }
    }
    assert_eq!(api.orders_count().await, 5);
}

#[tokio::test]
async fn hundreds_of_offers_on_one_connection_all_end_well() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    for _ in 0..500 {
        client.send(post(H2C)).await;
        assert_eq!(client.response().await.status, 201);
    }
}

#[tokio::test]
async fn the_body_of_a_request_with_an_offer_ends_where_its_length_says() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    client.send([post(WEBSOCKET), post(H2C), post("")].concat()).await;
    for _ in 0..3 {
        assert_eq!(client.response().await.status, 201);
    }
    // In pieces, and chunked.
    for byte in post(WEBSOCKET).bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.status, 201);
    let chunked =
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let chunks = "13\r\n{\"customer_id\":\"c\"}\r\n0\r\n\r\n";
    client.send(format!("{chunked}{WEBSOCKET}\r\n{chunks}{}", post(PROXY))).await;
    for _ in 0..2 {
        assert_eq!(client.response().await.status, 201);
    }
    assert_eq!(api.orders_count().await, 6);
}

#[tokio::test]
async fn an_offer_does_not_keep_a_connection_that_the_client_closes() {
    let api = Api::in_memory();
    for closing in ["Upgrade: h2c\r\nConnection: Upgrade, close\r\n", "Upgrade: h2c\r\nConnection: close\r\n"] {
        let mut client = RawClient::connect(&api).await;
        client.send([post(closing), post("")].concat()).await;
        let response = client.response().await;
        assert_eq!((response.status, response.header("connection")), (201, Some("close")));
        client.assert_end().await;
    }
    let mut client = RawClient::connect(&api).await;
    client.send(post("Upgrade: h2c\r\nConnection: Upgrade\r\n").replace("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!(client.response().await.status, 201);
    client.assert_end().await;
}

#[tokio::test]
async fn the_http_client_of_the_jdk_creates_orders_with_its_defaults() {
    if Command::new("javac").arg("-version").output().is_err() {
        eprintln!("NOT TESTED: the JDK is not installed (Debian package default-jdk-headless)");
        return;
    }
    let api = Api::in_memory();
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("Orders.java");
    fs::write(&source, include_str!("Orders.java")).unwrap();
    let url = api.url.clone();
    let run = move || Command::new("java").arg(&source).arg(&url).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    assert_eq!(api.get("/orders?total=true&limit=1").await.body["total_orders"], 500, "{said}");
}
