//! How often a caller may ask, and how often an address may guess.

use orders::{
    domain::Scope,
    infra::{LimitSettings, MemoryStore},
};

use crate::{helpers::Api, support::adapters::no_limits};

use super::{Guarded, keys_only};

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
    // Requests without a credential guess nothing.
    assert_eq!(guarded.api.get("/orders").await.status, 401);
}
