//! Credentials that are missing, malformed or wrong, and scopes that are not there.

use orders::domain::Scope;
use reqwest::{Method, header};
use serde_json::json;

use crate::{helpers::Answer, raw_client::RawClient};

use super::{Guarded, reason};

#[tokio::test]
async fn without_a_credential_every_route_but_the_public_ones_is_a_401_that_asks_for_one() {
    let guarded = Guarded::start();
    let document = guarded.api.get("/openapi.json").await.body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_public = operation["security"].as_array().unwrap().is_empty();
            let path = path.replace("{order_id}", &uuid::Uuid::nil().to_string()).replace("{line}", "1");
            let path = path.replace("{key_id}", "0123456789abcdef").replace("{code}", "lost_race");
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = Answer::receive(guarded.api.request(method.clone(), &path)).await;
            assert_eq!(answer.status == 401, !is_public, "{method} {path}: {answer:?}");
            if answer.status == 401 {
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"orders\"");
                asked += 1;
            }
        }
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn a_malformed_credential_is_a_401_that_says_so() {
    let guarded = Guarded::start();
    let key = guarded.key("default", &[Scope::OrdersRead], None).await;
    for (value, code, error) in [
        ("Basic dXNlcjpwYXNz".to_owned(), "credential_required", None),
        (key.clone(), "credential_required", None),
        ("Bearer".to_owned(), "malformed_credential", Some("invalid_request")),
        (format!("Bearer {key} x"), "malformed_credential", Some("invalid_request")),
        (format!("Bearer {key},{key}"), "malformed_credential", Some("invalid_request")),
        ("Bearer ord_0".to_owned(), "invalid_credential", Some("invalid_token")),
        (format!("Bearer {}0", &key[..key.len() - 1]), "invalid_credential", Some("invalid_token")),
        ("Bearer a.b.c".to_owned(), "invalid_credential", Some("invalid_token")),
    ] {
        let request = guarded.api.request(Method::GET, "/orders").header(header::AUTHORIZATION, &value);
        let answer = Answer::receive(request).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (401, Some(code)), "{value}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.contains("error="), error.is_some(), "{challenge}");
        assert!(error.is_none_or(|error| challenge.contains(&format!("error=\"{error}\""))), "{challenge}");
    }
    // The scheme is a word of any case, and spaces may surround the credential.
    for value in [format!("bearer {key}"), format!("BEARER   {key}")] {
        let request = guarded.api.request(Method::GET, "/orders").header(header::AUTHORIZATION, &value);
        assert_eq!(Answer::receive(request).await.status, 200, "{value}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused_even_if_both_are_right() {
    let guarded = Guarded::start();
    let key = guarded.key("default", &[Scope::OrdersRead], None).await;
    let mut client = RawClient::connect(&guarded.api).await;
    let line = format!("Authorization: Bearer {key}\r\n");
    client.send(format!("GET /orders HTTP/1.1\r\nHost: localhost\r\n{line}{line}\r\n")).await;
    let response = client.response().await;
    assert_eq!(response.status, 401, "{response:?}");
}

#[tokio::test]
async fn a_caller_without_the_scope_gets_a_403_that_names_it_and_nothing_changes() {
    let guarded = Guarded::start();
    let (reader, writer) =
        (guarded.caller("default", &[Scope::OrdersRead]).await, guarded.caller("default", &[Scope::OrdersWrite]).await);
    let refused = reader.post("/orders", &json!({"customer_id": "c"})).await;
    assert_eq!((refused.status.as_u16(), refused.body["code"].as_str()), (403, Some("insufficient_scope")));
    assert!(refused.body["detail"].as_str().unwrap().contains("orders:write"), "{refused:?}");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"orders:write\""));
    assert_eq!(reader.orders_count().await, 0);
    assert_eq!(writer.post("/orders", &json!({"customer_id": "c"})).await.status, 201);
    assert_eq!(writer.get("/orders").await.status, 403);
    // Nothing of a request is read before its caller is known.
    let malformed = writer.request(Method::POST, "/keys").header(header::CONTENT_TYPE, "application/json").body("{");
    assert_eq!(Answer::receive(malformed).await.status, 403);
    let metrics = reader.get("/metrics").await;
    assert_eq!(metrics.status, 403);
    assert_eq!(guarded.caller("default", &[Scope::MetricsRead]).await.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_get_the_same_answer() {
    let guarded = Guarded::start();
    let key = guarded.key("default", &[Scope::OrdersRead], None).await;
    let (start, secret) = key.rsplit_once('_').unwrap();
    let wrong_secret = format!("{start}_{}", secret.chars().rev().collect::<String>());
    let unknown = format!("ord_0123456789abcdef_{secret}");
    let mut answers = Vec::new();
    for key in [wrong_secret, unknown] {
        let mut answer = guarded.api.with_credential(&key).get("/orders").await;
        assert_eq!((answer.status.as_u16(), reason(&answer)), (401, "unknown_key"));
        answer.body["request_id"] = json!(null);
        answers.push((answer.body, answer.headers["www-authenticate"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_caller_learns_who_it_is() {
    let guarded = Guarded::start();
    let key = guarded.key("acme", &[Scope::OrdersRead], Some("customer-7")).await;
    let me = guarded.api.with_credential(&key).get("/me").await.body;
    let expected = json!({
        "kind": "key", "tenant": "acme", "subject": key.split('_').nth(1).unwrap(), "scopes": ["orders:read"],
        "customer_id": "customer-7", "expires_at": null,
    });
    assert_eq!(me, expected);
    let anybody = crate::helpers::Api::in_memory().get("/me").await.body;
    assert_eq!((anybody["kind"].as_str(), anybody["tenant"].as_str()), (Some("anonymous"), Some("default")));
}
