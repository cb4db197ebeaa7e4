//! How often a caller may ask, and how often an address may guess.

use orders::{
    domain::Scope,
    infra::{LimitSettings, MemoryStore},
};

use reqwest::Method;
use serde_json::json;

use crate::{
    helpers::Api,
    support::{adapters::no_limits, eventually},
};

use super::{
    Guarded, keys_only, reason,
    tokens::{Issuer, claims, now, with},
};

fn guarded(limits: LimitSettings) -> Guarded<MemoryStore> {
    let store = MemoryStore::default();
    Guarded { api: Api::builder().access(keys_only()).limits(limits).start_on(store.clone()), store }
}

#[tokio::test]
async fn a_caller_that_has_used_its_quota_up_gets_a_429_and_others_do_not() {
    let limits = LimitSettings { rate: Some("5/h".parse().unwrap()), ..no_limits() };
    let guarded = guarded(limits);
    let (loud, quiet) =
        (guarded.caller("acme", &[Scope::OrdersRead]).await, guarded.caller("acme", &[Scope::OrdersRead]).await);
    for left in (0..5).rev() {
        let answer = loud.get("/orders").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=5;w=3600");
        assert!(answer.header("ratelimit").starts_with(&format!("\"default\";r={left};t=")), "{answer:?}");
    }
    let refused = loud.get("/orders").await;
    assert_eq!((refused.status.as_u16(), refused.body["code"].as_str()), (429, Some("rate_limited")));
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    // One request in 720 s.
    assert!((700..=720).contains(&seconds), "{seconds}");
    assert!(refused.header("ratelimit").starts_with("\"default\";r=0;t="), "{refused:?}");
    assert_eq!(quiet.get("/orders").await.status, 200);
    assert_eq!(loud.get("/health/ready").await.status, 200);
}

#[tokio::test]
async fn without_credentials_the_limit_is_for_the_address() {
    let limits = LimitSettings { rate: Some("2/h".parse().unwrap()), ..no_limits() };
    let api = Api::builder().limits(limits).start();
    let statuses = [api.get("/orders").await, api.get("/products").await, api.get("/orders").await];
    assert_eq!(statuses.map(|answer| answer.status.as_u16()), [200, 200, 429]);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_limit_is_for_the_address_of_the_client() {
    let limits = LimitSettings { rate: Some("1/h".parse().unwrap()), ..no_limits() };
    let api = Api::builder().limits(limits).start();
    let mut statuses = Vec::new();
    for client in ["198.51.100.7", "198.51.100.8", "203.0.113.1, 198.51.100.8"] {
        let request = api.request(Method::GET, "/orders").header("x-forwarded-for", client);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429], "a client cannot choose its address");
}

#[tokio::test]
async fn a_key_that_is_no_longer_accepted_counts_as_a_guess() {
    let guarded = guarded(LimitSettings { failures: "3/h".parse().unwrap(), ..no_limits() });
    let admin = guarded.admin("acme").await;
    let created = admin.post("/keys", &json!({"name": "x", "scopes": ["orders:read"]})).await.body;
    let revoked = guarded.api.with_credential(created["key"].as_str().unwrap());
    assert_eq!(revoked.get("/orders").await.status, 200);
    assert_eq!(admin.delete(&format!("/keys/{}", created["key_id"].as_str().unwrap())).await.status, 204);
    eventually("the key is refused", async || (revoked.get("/orders").await.status == 401).then_some(())).await;
    let statuses = [revoked.get("/orders").await, revoked.get("/orders").await, revoked.get("/orders").await];
    assert_eq!(statuses.map(|answer| answer.status.as_u16()), [401, 401, 429]);
    assert_eq!(admin.get("/keys").await.status, 200);
}

#[tokio::test]
async fn a_valid_token_is_accepted_behind_the_address_of_somebody_who_guesses() {
    let limits = LimitSettings { failures: "2/h".parse().unwrap(), ..no_limits() };
    let issuer = Issuer::start_with(limits);
    let token = issuer.token(&claims());
    let mut statuses = Vec::new();
    for guess in ["a.b.c", "x", "ord_0", &token] {
        statuses.push(issuer.get(guess).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 429, 200]);
    // Its holder learns that it needs another one.
    let expired = issuer.token(&with(&json!({"exp": now() - 60})));
    assert_eq!(reason(&issuer.get(&expired).await), "expired");
}

#[tokio::test]
async fn an_address_that_guesses_keys_has_to_wait_and_known_callers_behind_it_do_not() {
    let limits = LimitSettings { failures: "10/h".parse().unwrap(), ..no_limits() };
    let guarded = guarded(limits);
    let known = guarded.caller("acme", &[Scope::OrdersRead]).await;
    assert_eq!(known.get("/orders").await.status, 200);
    let late = guarded.caller("acme", &[Scope::OrdersRead]).await;
    let mut statuses = Vec::new();
    for n in 0..12 {
        let guess = format!("ord_{n:016x}_{}", "0".repeat(64));
        statuses.push(guarded.api.with_credential(&guess).get("/orders").await.status.as_u16());
    }
    assert_eq!((&statuses[..10], &statuses[10..]), ([401; 10].as_slice(), [429; 2].as_slice()));
    assert_eq!(late.get("/orders").await.status, 429, "nobody new is let in meanwhile");
    assert_eq!(known.get("/orders").await.status, 200);
    // Whoever has a quota of its own behind the same proxy is not its neighbour.
    let behind_proxy = late.request(Method::GET, "/orders").header("x-forwarded-for", "203.0.113.1, 198.51.100.7");
    assert_eq!(behind_proxy.send().await.unwrap().status(), 200);
    // Requests without a credential guess nothing.
    assert_eq!(guarded.api.get("/orders").await.status, 401);
}
