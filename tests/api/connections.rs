//! What a connection does between requests, and with bytes that are no request.

use std::time::Duration;

use serde_json::Value;

use crate::{
    helpers::Api,
    raw_client::{RawClient, RawResponse},
    support::eventually,
};

const SHORT: Duration = Duration::from_secs(2);

fn with_head_timeout(bound: Duration) -> Api {
    Api::builder().head_timeout(bound).start()
}

fn post_order(headers: &str, customer: &str) -> String {
    let body = format!(r#"{{"customer_id":"{customer}"}}"#);
    let length = body.len();
    format!(
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

const GET_PRODUCTS: &str = "GET /products HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn every_head_on_a_connection_has_the_same_bound() {
    let api = with_head_timeout(SHORT);
    let begun_later = async |client: &mut RawClient| {
        assert_eq!(client.get("/products").await.status, 200);
        assert_eq!(client.get("/products").await.status, 200);
        client.send("G").await;
    };
    let begun_at_once = async |client: &mut RawClient| {
        client.send(format!("{GET_PRODUCTS}GET /products HTTP/1.1\r\nho")).await;
        assert_eq!(client.response().await.status, 200);
    };
    let (mut one, mut other) = (RawClient::connect(&api).await, RawClient::connect(&api).await);
    begun_later(&mut one).await;
    begun_at_once(&mut other).await;
    for client in [&mut one, &mut other] {
        let refused = client.response().await;
        refused.assert_problem(408, "request_timeout");
        assert_eq!(refused.header("connection"), Some("close"));
        client.assert_end().await;
    }
}

#[tokio::test]
async fn bytes_that_come_one_by_one_do_not_extend_the_bound_of_a_head() {
    let api = with_head_timeout(SHORT);
    let mut client = RawClient::connect(&api).await;
    assert_eq!(client.get("/products").await.status, 200);
    let mut head = "GET /products HTTP/1.1\r\nx-long: ".chars().chain(std::iter::repeat('x'));
    while client.is_quiet_for(Duration::from_millis(20)).await {
        client.send(head.next().unwrap().to_string()).await;
    }
    let refused = client.response().await;
    refused.assert_problem(408, "request_timeout");
    assert_eq!(refused.json()["instance"], "/products");
}

#[tokio::test]
async fn a_head_may_come_in_pieces() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    for _ in 0..2 {
        for byte in post_order("", "c").bytes() {
            client.send([byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.response().await.status, 201);
    }
}

#[tokio::test]
async fn a_connection_may_be_idle_for_as_long_as_it_is_kept_alive() {
    let api = Api::builder().keep_alive(SHORT).start();
    let (mut silent, mut restless) = (RawClient::connect(&api).await, RawClient::connect(&api).await);
    for client in [&mut silent, &mut restless] {
        assert_eq!(client.get("/products").await.status, 200);
    }
    // Line breaks are no request.
    while restless.is_quiet_for(Duration::from_millis(20)).await {
        restless.send("\r\n").await;
    }
    silent.assert_end().await;
    restless.assert_end().await;
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed_without_an_answer() {
    let api = with_head_timeout(SHORT);
    RawClient::connect(&api).await.assert_end().await;
}

#[tokio::test]
async fn clients_that_begin_a_request_and_stop_do_not_keep_others_out() {
    let api = Api::builder().max_connections(20).head_timeout(Duration::from_secs(1)).start();
    let mut stopped = Vec::new();
    for _ in 0..20 {
        let mut client = RawClient::connect(&api).await;
        client.send(GET_PRODUCTS).await;
        stopped.push(client);
    }
    for client in &mut stopped {
        assert_eq!(client.response().await.status, 200);
        client.send("G").await;
    }
    eventually("a new client is served", async || {
        (RawClient::connect(&api).await.get("/products").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_a_body_that_nobody_reads_has_a_bound() {
    let api = with_head_timeout(SHORT);
    let mut client = RawClient::connect(&api).await;
    client.send("POST /nothing HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel").await;
    client.response().await.assert_problem(404, "route_not_found");
    client.assert_end().await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_does_not_disturb_the_next_request() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    let unread = "POST /nothing HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(unread).await;
    client.response().await.assert_problem(404, "route_not_found");
    client.send(format!("5\r\nGET /\r\n0\r\n\r\n{GET_PRODUCTS}")).await;
    assert_eq!(client.response().await.status, 200);
    client.send(format!("{unread}5\r\nGET /\r\n0\r\nx: y\r\n\r\n{GET_PRODUCTS}")).await;
    client.response().await.assert_problem(404, "route_not_found");
    assert_eq!(client.response().await.status, 200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_turn_each_as_its_own_head_asks() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    let head = GET_PRODUCTS.replace("GET", "HEAD");
    let chunked = "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
                   f\r\n{\"customer_id\":\r\n4\r\n\"b\"}\r\n0\r\n\r\n";
    let all = [&head, GET_PRODUCTS, &post_order("", "a"), "\r\n", chunked, &head, &post_order("", "c")].concat();
    client.send(all).await;
    let without_body = client.response_to("HEAD").await;
    let products = client.response().await;
    assert_eq!(without_body.header("content-length").unwrap(), products.body.len().to_string());
    let customer = |response: &RawResponse| response.json()["customer_id"].clone();
    assert_eq!(customer(&client.response().await), "a");
    assert_eq!(customer(&client.response().await), "b");
    assert_eq!(client.response_to("HEAD").await.status, 200);
    assert_eq!(customer(&client.response().await), "c");
}

#[tokio::test]
async fn many_pipelined_requests_are_all_answered_also_when_the_client_sends_no_more() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    client.send(GET_PRODUCTS.repeat(500)).await;
    client.close_writing().await;
    for _ in 0..500 {
        assert_eq!(client.response().await.status, 200);
    }
    client.assert_end().await;
}

#[tokio::test]
async fn after_connection_close_no_further_request_is_executed() {
    let api = Api::in_memory();
    for option in ["close", "Close", "keep-alive, close", "x, close ,y"] {
        let mut client = RawClient::connect(&api).await;
        let last = post_order(&format!("connection: {option}\r\n"), "last");
        client.send([last, post_order("", "never"), post_order("", "never")].concat()).await;
        let response = client.response().await;
        assert_eq!((response.status, response.header("connection")), (201, Some("close")));
        client.send(post_order("", "never")).await;
        client.assert_end().await;
    }
    assert_eq!(customers(&api).await, ["last"; 4]);
}

#[tokio::test]
async fn after_a_request_of_http_1_0_the_connection_ends_unless_the_client_keeps_it() {
    let api = Api::in_memory();
    let old = |headers: &str, customer: &str| post_order(headers, customer).replace("HTTP/1.1", "HTTP/1.0");
    let mut client = RawClient::connect(&api).await;
    client.send([old("", "one"), old("", "never")].concat()).await;
    assert_eq!(client.response().await.status, 201);
    client.assert_end().await;
    let mut client = RawClient::connect(&api).await;
    client.send([old("connection: keep-alive\r\n", "two"), old("", "three"), old("", "never")].concat()).await;
    assert_eq!(client.response().await.header("connection"), Some("keep-alive"));
    assert_eq!(client.response().await.status, 201);
    client.assert_end().await;
    assert_eq!(customers(&api).await, ["three", "two", "one"]);
}

/// Of all orders, the newest first.
async fn customers(api: &Api) -> Vec<Value> {
    let page = api.get("/orders?limit=200").await.body;
    page["orders"].as_array().unwrap().iter().map(|order| order["customer_id"].clone()).collect()
}

#[tokio::test]
async fn a_request_that_is_not_well_formed_is_a_problem_and_the_last_one() {
    let api = Api::in_memory();
    for malformed in [
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET\r\n\r\n",
        "GET /products HTTP/2.0\r\nhost: localhost\r\n\r\n",
        "GET /products HTTP/1.1\r\n\r\n",
        "GET /products HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n",
        "GET /products HTTP/1.1\r\nhost: localhost\r\n x\r\n\r\n",
        "GET /products HTTP/1.1\r\nhost : localhost\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: +1\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1, 1\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /orders HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let mut client = RawClient::connect(&api).await;
        client.send(format!("{malformed}{GET_PRODUCTS}")).await;
        client.response().await.assert_problem(400, "malformed_request");
        client.assert_end().await;
    }
    let mut client = RawClient::connect(&api).await;
    client.send(GET_PRODUCTS.replace("GET", "HEAD").replace("host: localhost\r\n", "")).await;
    assert_eq!(client.response_to("HEAD").await.status, 400);
    client.assert_end().await;
}

#[tokio::test]
async fn a_malformed_chunk_is_answered_and_what_follows_is_not_executed() {
    let api = Api::in_memory();
    let mut client = RawClient::connect(&api).await;
    let head = "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{head}1\r\n{{\r\nx\r\n{}", post_order("", "never"))).await;
    client.response().await.assert_problem(400, "malformed_json");
    client.assert_end().await;
    assert_eq!(api.orders_count().await, 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_by_what_is_too_large() {
    let api = Api::in_memory();
    let long = "x".repeat(70 * 1024);
    let many = "x: y\r\n".repeat(100);
    let request = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    for (bytes, status, code) in [
        (request(&format!("/orders?customer_id={long}"), ""), 414, "uri_too_long"),
        // No end of the line in sight.
        (format!("GET /{}", long.repeat(3)), 414, "uri_too_long"),
        (request("/orders", &format!("x: {long}\r\n")), 431, "headers_too_large"),
        (request("/orders", &format!("x: {long}\r\ny: {long}\r\n")), 431, "headers_too_large"),
        (request("/orders", &many), 431, "headers_too_large"),
    ] {
        let mut client = RawClient::connect(&api).await;
        client.send(bytes).await;
        client.response().await.assert_problem(status, code);
    }
    let longest = format!("/orders?customer_id={}", "x".repeat(65_000));
    RawClient::connect(&api).await.get(&longest).await.assert_problem(400, "invalid_parameter");
}
