//! Clients that hang up while the service waits for their sake, and clients that only stop sending.

use std::time::Duration;

use crate::{
    helpers::{Api, on_each_store},
    raw_client::RawClient,
    support::eventually,
};

const NEVER: Duration = Duration::from_mins(10);

on_each_store! {
    a_client_that_stops_sending_gets_the_answer_to_its_order,
}

/// One client may wait for events, and nothing is ever written to it.
fn with_one_place() -> Api {
    Api::builder().waiting_clients(1).heartbeat(NEVER).start()
}

/// A client that takes the place.
async fn waiting_client(api: &Api, path: &str) -> RawClient {
    let mut client = RawClient::connect(api).await;
    client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    eventually("the place is taken", async || (streams(api).await == 1).then_some(())).await;
    client
}

/// How many clients wait, as the metrics have it.
async fn streams(api: &Api) -> usize {
    let metrics = api.get("/metrics").await.body;
    let line = metrics.as_str().unwrap().lines().find(|line| line.starts_with("orders_event_streams ")).unwrap();
    line.split_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_place_at_once() {
    let api = with_one_place();
    for path in ["/events/stream", "/events?wait=60"] {
        for hang_up in [drop, RawClient::reset] {
            let client = waiting_client(&api, path).await;
            api.get("/events/stream").await.assert_problem(503, "too_many_streams");
            hang_up(client);
            eventually("the place is free", async || (streams(&api).await == 0).then_some(())).await;
        }
        let mut half_closed = waiting_client(&api, path).await;
        half_closed.close_writing().await;
        eventually("the place is free", async || (streams(&api).await == 0).then_some(())).await;
        drop(half_closed);
    }
}

#[tokio::test]
async fn a_client_that_sends_more_and_hangs_up_frees_its_place_too() {
    let api = with_one_place();
    for extra in ["GET /products HTTP/1.1\r\nhost: localhost\r\n\r\n", "G"] {
        let mut client = waiting_client(&api, "/events/stream").await;
        client.send(extra).await;
        drop(client);
        eventually("the place is free", async || (streams(&api).await == 0).then_some(())).await;
    }
    // Also one that announced a body and did not send it.
    let mut client = RawClient::connect(&api).await;
    client.send("GET /events?wait=60 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nabc").await;
    eventually("the place is taken", async || (streams(&api).await == 1).then_some(())).await;
    drop(client);
    eventually("the place is free", async || (streams(&api).await == 0).then_some(())).await;
}

#[tokio::test]
async fn nothing_waits_for_a_client_that_has_already_stopped_sending() {
    let api = with_one_place();
    for path in ["/events/stream", "/events?wait=60"] {
        let mut client = RawClient::connect(&api).await;
        client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        client.close_writing().await;
        // The service either saw the end first, and answers at once, or waited and closes the connection.
        client.rest().await;
        eventually("the place is free", async || (streams(&api).await == 0).then_some(())).await;
    }
}

async fn a_client_that_stops_sending_gets_the_answer_to_its_order(api: Api) {
    let mut client = RawClient::connect(&api).await;
    let order = r#"{"customer_id":"c","items":[{"sku":"MOUSE456","quantity":1}]}"#;
    let length = order.len();
    let head = format!(
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    client.send([&head, order].concat()).await;
    client.close_writing().await;
    assert_eq!(client.response().await.status, 201);
    client.assert_end().await;
}
