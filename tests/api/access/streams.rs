//! Requests that last, and rights that shrink meanwhile.

use orders::domain::Scope;
use serde_json::json;

use super::Guarded;

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let guarded = Guarded::start();
    let admin = guarded.admin("acme").await;
    let created = admin.post("/keys", &json!({"name": "x", "scopes": ["events:read"]})).await.body;
    let follower = guarded.api.with_credential(created["key"].as_str().unwrap());
    let mut stream = follower.follow("/events/stream").await;
    assert!(stream.block().await.is_some());
    let revoked = tokio::time::Instant::now();
    assert_eq!(admin.delete(&format!("/keys/{}", created["key_id"].as_str().unwrap())).await.status, 204);
    // Heartbeats come until then.
    while stream.block().await.is_some() {}
    println!("the stream ended {:?} after the revocation", revoked.elapsed());
    assert_eq!(follower.get("/events").await.status, 401);
}

#[tokio::test]
async fn a_long_poll_ends_when_its_key_is_revoked() {
    let guarded = Guarded::start();
    let admin = guarded.admin("acme").await;
    let created = admin.post("/keys", &json!({"name": "x", "scopes": ["events:read"]})).await.body;
    let follower = guarded.api.with_credential(created["key"].as_str().unwrap());
    let begun = tokio::time::Instant::now();
    let waiting = tokio::spawn(async move { follower.get("/events?wait=60").await });
    assert_eq!(admin.delete(&format!("/keys/{}", created["key_id"].as_str().unwrap())).await.status, 204);
    let ended = waiting.await.unwrap();
    // It was admitted, or came too late for that.
    assert!([200, 401].contains(&ended.status.as_u16()), "{ended:?}");
    assert!(begun.elapsed().as_secs() < 50, "it did not wait for its whole time");
}

#[tokio::test]
async fn a_stream_goes_on_while_its_key_is_valid() {
    let guarded = Guarded::start();
    let admin = guarded.admin("acme").await;
    let mut stream = guarded.caller("acme", &[Scope::EventsRead]).await.follow("/events/stream").await;
    // Several times as long as a credential is remembered.
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    while tokio::time::Instant::now() < until {
        assert!(stream.block().await.is_some(), "the stream goes on");
    }
    admin.order().await;
    assert_eq!(stream.event().await.unwrap().0, 1);
}
