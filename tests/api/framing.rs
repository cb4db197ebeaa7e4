//! How responses are framed, and when the service asks for a body.

use serde_json::Value;

use crate::{helpers::Api, raw_client::RawClient};

/// The head of a request whose client sends its body only when it is wanted.
fn expecting(method_and_path: &str, headers: &str) -> String {
    format!("{method_and_path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-Continue\r\n{headers}\r\n")
}

const JSON: &str = "content-type: application/json\r\n";
const BODY: &str = r#"{"customer_id":"c"}"#;

#[tokio::test]
async fn the_service_asks_for_a_body_when_it_reads_it() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    for _ in 0..2 {
        client.send(expecting("POST /orders", &format!("{JSON}content-length: {}\r\n", BODY.len()))).await;
        assert_eq!(client.response_head().await, "HTTP/1.1 100 Continue\n");
        client.send(BODY).await;
        assert_eq!(client.response().await.status, 201);
    }
    client.send(expecting("POST /orders", &format!("{JSON}transfer-encoding: chunked\r\n"))).await;
    assert_eq!(client.response_head().await, "HTTP/1.1 100 Continue\n");
    client.send(format!("13\r\n{BODY}\r\n0\r\n\r\n")).await;
    assert_eq!(client.response().await.status, 201);
    // Pipelined behind another request: 100 comes behind its response.
    client.send("GET /products HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    client.send(expecting("POST /orders", &format!("{JSON}content-length: {}\r\n", BODY.len()))).await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(client.response_head().await, "HTTP/1.1 100 Continue\n");
    client.send(BODY).await;
    assert_eq!(client.response().await.status, 201);
}

#[tokio::test]
async fn the_service_does_not_ask_for_a_body_that_is_here_or_that_is_none() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    let head = expecting("POST /orders", &format!("{JSON}content-length: {}\r\n", BODY.len()));
    client.send(format!("{head}{BODY}")).await;
    assert_eq!(client.response().await.status, 201);
    client.send(expecting("GET /products", "")).await;
    assert_eq!(client.response().await.status, 200);
    // HTTP/1.0 has no 100.
    let head = head.replace("HTTP/1.1", "HTTP/1.0");
    client.send(format!("{head}{BODY}")).await;
    assert_eq!(client.response().await.status, 201);
}

#[tokio::test]
async fn the_service_does_not_ask_for_a_body_that_it_refuses_by_the_head() {
    let api = Api::in_memory();
    let place = format!("POST {}/place", api.order_path().await);
    let length = "content-length: 10\r\n";
    let with = |headers: &str| format!("{JSON}{length}{headers}");
    for (request, headers, status) in [
        ("POST /orders", format!("{JSON}content-length: 70000\r\n"), 413),
        ("POST /orders", length.to_owned(), 415),
        ("POST /orders", with("content-encoding: gzip\r\n"), 415),
        ("POST /orders", with("accept: text/html\r\n"), 406),
        ("POST /orders", with("idempotency-key: \"\r\n"), 400),
        ("POST /orders", with("if-match: \"1\"\r\n"), 412),
        ("POST /orders", with(&format!("x: {}\r\n", "x".repeat(17 * 1024))), 431),
        ("POST /orders?x=y", with(""), 400),
        ("POST /orders/x/place", with(""), 400),
        ("POST /nothing", with(""), 404),
        ("PUT /orders", with(""), 405),
        (&place, length.to_owned(), 415),
        (&place, format!("{JSON}content-length: 70000\r\n"), 413),
        (&place, with("if-match: x\r\n"), 400),
    ] {
        let mut client = RawClient::connect(&api).await;
        client.send(expecting(request, &headers)).await;
        let response = client.response().await;
        assert_eq!((response.status, response.header("connection")), (status, Some("close")), "{request} {headers}");
        client.assert_end().await;
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    let api = Api::in_memory();
    api.order().await;
    for connection in ["", "connection: keep-alive\r\n"] {
        let mut client = RawClient::connect(&api).await;
        client.send(format!("GET /events/stream?after=0 HTTP/1.0\r\nhost: localhost\r\n{connection}\r\n")).await;
        let head = client.response_head().await;
        assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
        assert!(!head.contains("transfer-encoding") && !head.contains("keep-alive"), "{head}");
        assert_eq!(client.line().await, "retry: 1000");
        while !client.line().await.starts_with("data: {") {}
    }
    // A file.
    let mut client = RawClient::connect(&api).await;
    client.send("GET /app/app.js HTTP/1.0\r\n\r\n").await;
    let file = client.response().await;
    assert_eq!((file.status, file.header("transfer-encoding")), (200, None));
    client.assert_end().await;
    let mut client = RawClient::connect(&api).await;
    client.send("GET /orders HTTP/1.0\r\n\r\n").await;
    let page: Value = client.response().await.json();
    assert_eq!(page["orders"].as_array().unwrap().len(), 1);
}
