//! Which hosts the service answers to: a page whose name resolves to this machine is none of them.

use crate::{helpers::Api, raw_client::RawClient};

#[tokio::test]
async fn only_loopback_names_and_listed_hosts_are_answered_to() {
    let api = Api::in_memory();
    for host in
        ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.1.2.3:1", "[::1]:8000", "orders.example.com:80"]
    {
        assert_eq!(with_host(&api, host).await, (200, None), "{host}");
    }
    for host in [
        "evil.example.com",
        "localhost.evil.example.com",
        "192.168.1.5",
        "0.0.0.0",
        "[::]",
        "evil.orders.example.com",
        "",
        "127.0.0.1.evil.example.com",
    ] {
        assert_eq!(with_host(&api, host).await, (421, Some("misdirected_request".to_owned())), "{host}");
    }
    for host in ["a/b@c", "user@localhost", "localhost:x", "localhost:80:80", "[::1", "local\"host", "localhost#"] {
        assert_eq!(with_host(&api, host).await, (400, Some("malformed_request".to_owned())), "{host}");
    }
}

/// The status, and the code of the problem.
async fn with_host(api: &Api, host: &str) -> (u16, Option<String>) {
    let mut client = RawClient::connect(api).await;
    client.send(format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let response = client.response().await;
    if response.status == 200 {
        return (200, None);
    }
    let code = response.json()["code"].as_str().unwrap().to_owned();
    response.assert_problem(response.status, &code);
    (response.status, Some(code))
}

#[tokio::test]
async fn the_host_in_the_target_counts_more_than_the_header() {
    let api = Api::in_memory();
    for (target, host, status) in [
        ("http://localhost/products", "localhost", 200),
        ("http://localhost/products", "evil.example.com", 200),
        ("http://evil.example.com/products", "localhost", 421),
        ("http://localhost/products", "a/b@c", 400),
        ("http://user@localhost/products", "localhost", 400),
    ] {
        let mut client = RawClient::connect(&api).await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.response().await.status, status, "{target} {host}");
    }
    let mut client = RawClient::connect(&api).await;
    client.send("GET /products HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
}

#[tokio::test]
async fn a_write_to_another_host_changes_nothing() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    let head = "POST /orders HTTP/1.1\r\nHost: evil.example.com\r\nOrigin: https://evil.example.com\r\nContent-Type: application/json\r\n";
    client.send(format!("{head}Content-Length: 19\r\n\r\n{{\"customer_id\":\"c\"}}")).await;
    let refused = client.response().await;
    refused.assert_problem(421, "misdirected_request");
    assert_eq!(refused.header("access-control-allow-origin"), None);
    assert_eq!(api.orders_count().await, 0);
}
