//! What happens when as many connections are open as the service accepts.

use crate::{
    helpers::Api,
    raw_client::{RawClient, RawResponse},
    support::eventually,
};

fn with_places(places: usize) -> Api {
    Api::builder().max_connections(places).start()
}

/// A client with a stream of events, which is a request that does not end.
async fn follower(api: &Api) -> RawClient {
    let mut client = RawClient::connect(api).await;
    client.send("GET /events/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let head = client.response_head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    client
}

async fn followers(api: &Api, count: usize) -> Vec<RawClient> {
    let mut followers = Vec::new();
    for _ in 0..count {
        followers.push(follower(api).await);
    }
    followers
}

/// The first response with another status than 503.
async fn served(api: &Api, path: &str) -> RawResponse {
    eventually("the request is served", async || {
        let response = RawClient::connect(api).await.get(path).await;
        (response.status != 503).then_some(response)
    })
    .await
}

#[tokio::test]
async fn an_idle_connection_gives_way_to_a_new_one() {
    let api = with_places(2);
    let _follower = follower(&api).await;
    let mut idle = RawClient::connect(&api).await;
    assert_eq!(idle.get("/products").await.status, 200);
    assert_eq!(served(&api, "/products").await.status, 200);
    idle.assert_end().await;
}

#[tokio::test]
async fn a_connection_that_stops_within_a_head_gives_way_too_and_gets_a_408() {
    let api = with_places(2);
    let _follower = follower(&api).await;
    let mut stopped = RawClient::connect(&api).await;
    stopped.send("GET /products HTTP/1.1\r\nho").await;
    assert_eq!(served(&api, "/products").await.status, 200);
    stopped.response().await.assert_problem(408, "request_timeout");
    stopped.assert_end().await;
}

#[tokio::test]
async fn beyond_the_limit_the_health_is_answered_and_other_requests_are_refused_until_a_place_is_free() {
    let api = with_places(2);
    let mut followers = followers(&api, 2).await;
    for path in ["/health/live", "/health/ready?x=%31"] {
        let mut client = RawClient::connect(&api).await;
        let health = client.get(path).await;
        assert_eq!(health.header("connection"), Some("close"), "{health:?}");
        assert_ne!(health.status, 503, "{health:?}");
        client.assert_end().await;
    }
    let mut client = RawClient::connect(&api).await;
    let refused = client.get("/products").await;
    refused.assert_problem(503, "too_many_connections");
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
    client.assert_end().await;
    drop(followers.pop());
    assert_eq!(served(&api, "/products").await.status, 200);
}

#[tokio::test]
async fn silent_connections_beyond_the_limit_keep_the_health_out_for_a_moment_only() {
    let api = with_places(2);
    let _followers = followers(&api, 2).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(RawClient::connect(&api).await);
    }
    eventually("the health is answered", async || {
        let response = reqwest::get(format!("{}/health/live", api.url)).await.ok()?;
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_place_is_free_again_whatever_ends_a_connection() {
    let api = with_places(2);
    let _follower = follower(&api).await;
    for end in 0..20 {
        let mut client = RawClient::connect(&api).await;
        match end % 4 {
            0 => client.reset(),
            1 => drop(client),
            2 => client.send("nonsense\r\n\r\n").await,
            _ => assert_eq!(served(&api, "/products").await.status, 200),
        }
    }
    assert_eq!(served(&api, "/products").await.status, 200);
}
