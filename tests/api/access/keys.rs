//! The life of an API key.

use orders::domain::Scope;
use serde_json::json;

use crate::helpers::on_each_store_guarded;

use super::Guarded;
use orders::app::Store;

on_each_store_guarded! {
    a_key_is_created_shown_once_listed_used_and_revoked,
    a_rotated_key_keeps_its_id_and_the_secret_before_for_the_overlap,
    nobody_makes_a_key_with_more_rights_than_their_own,
    nobody_gets_the_secret_of_a_key_with_more_rights_than_their_own,
    a_caller_of_one_customer_manages_the_keys_of_this_customer,
    the_keys_of_another_tenant_do_not_exist,
    an_expired_key_is_not_accepted,
    what_a_key_does_is_recorded_with_its_id,
}

async fn a_key_is_created_shown_once_listed_used_and_revoked(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let created = admin.post("/keys", &json!({"name": " shop ", "scopes": ["orders:write", "orders:read"]})).await;
    assert_eq!(created.status, 201, "{created:?}");
    let key = created.body["key"].as_str().unwrap().to_owned();
    let id = created.body["key_id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), format!("/keys/{id}"));
    assert_eq!(created.header("cache-control"), "no-store");
    assert_eq!(created.body["name"], "shop");
    let listed = admin.get("/keys").await.body;
    let shown = listed["keys"].as_array().unwrap().iter().find(|shown| shown["key_id"] == id.as_str()).unwrap();
    assert_eq!(shown["scopes"], json!(["orders:read", "orders:write"]));
    assert!(shown.get("key").is_none() && !listed.to_string().contains(key.rsplit_once('_').unwrap().1));
    let shop = guarded.api.with_credential(&key);
    assert_eq!(shop.post("/orders", &json!({"customer_id": "c"})).await.body["customer_id"], "c");
    for _ in 0..2 {
        assert_eq!(admin.delete(&format!("/keys/{id}")).await.status, 204);
    }
    assert!(admin.get("/keys").await.body["keys"][0]["revoked_at"].is_string());
    crate::support::eventually("the key is refused", async || (shop.get("/orders").await.status == 401).then_some(()))
        .await;
}

async fn a_rotated_key_keeps_its_id_and_the_secret_before_for_the_overlap(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let created = admin.post("/keys", &json!({"name": "shop", "scopes": ["orders:read"]})).await.body;
    let (first, id) = (created["key"].as_str().unwrap(), created["key_id"].as_str().unwrap());
    let rotate = async |seconds: u32| {
        let rotated = admin.post(&format!("/keys/{id}/rotate"), &json!({"overlap_seconds": seconds})).await;
        assert_eq!((rotated.status.as_u16(), &rotated.body["key_id"]), (200, &json!(id)));
        rotated.body["key"].as_str().unwrap().to_owned()
    };
    let second = rotate(3600).await;
    for key in [first, &second] {
        assert_eq!(guarded.api.with_credential(key).get("/orders").await.status, 200);
    }
    let third = rotate(0).await;
    assert_eq!(guarded.api.with_credential(&third).get("/orders").await.status, 200);
    for old in [first, &second] {
        crate::support::eventually("the old secret is refused", async || {
            (guarded.api.with_credential(old).get("/orders").await.status == 401).then_some(())
        })
        .await;
    }
    assert_eq!(admin.delete(&format!("/keys/{id}")).await.status, 204);
    assert_eq!(admin.post(&format!("/keys/{id}/rotate"), &json!({})).await.body["code"], "key_not_found");
    assert_eq!(admin.post(&format!("/keys/{id}/rotate"), &json!({"overlap_seconds": 604_801})).await.status, 422);
}

async fn nobody_makes_a_key_with_more_rights_than_their_own(guarded: Guarded<impl Store>) {
    let maker = guarded.caller("acme", &[Scope::KeysManage, Scope::OrdersRead]).await;
    let beyond = maker.post("/keys", &json!({"name": "x", "scopes": ["orders:read", "orders:write"]})).await;
    assert_eq!((beyond.status.as_u16(), beyond.body["code"].as_str()), (403, Some("insufficient_scope")));
    assert!(beyond.body["detail"].as_str().unwrap().contains("orders:write"));
    assert_eq!(maker.post("/keys", &json!({"name": "x", "scopes": ["orders:read"]})).await.status, 201);
    let bound = guarded.key("acme", &[Scope::KeysManage, Scope::OrdersRead], Some("own")).await;
    let bound = guarded.api.with_credential(&bound);
    for (customer, status) in [(json!("own"), 201), (json!("other"), 403)] {
        let body = json!({"name": "x", "scopes": ["orders:read"], "customer_id": customer});
        assert_eq!(bound.post("/keys", &body).await.status, status, "{customer}");
    }
    assert_eq!(bound.post("/keys", &json!({"name": "x", "scopes": ["orders:read"]})).await.status, 403);
    for (body, status) in [
        (json!({"name": "x", "scopes": []}), 422),
        (json!({"name": "x", "scopes": ["orders:fly"]}), 422),
        (json!({"name": "x", "scopes": "orders:read"}), 400),
        (json!({"name": "", "scopes": ["orders:read"]}), 422),
        (json!({"name": "a\u{202e}b", "scopes": ["orders:read"]}), 422),
        (json!({"name": "a\r\nSet-Cookie: x", "scopes": ["orders:read"]}), 422),
        (json!({"name": "x", "scopes": ["orders:read"], "tenant": "other"}), 400),
    ] {
        assert_eq!(maker.post("/keys", &body).await.status, status, "{body}");
    }
}

async fn nobody_gets_the_secret_of_a_key_with_more_rights_than_their_own(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let id = async |scopes: &[&str]| {
        let created = admin.post("/keys", &json!({"name": "x", "scopes": scopes})).await;
        created.body["key_id"].as_str().unwrap().to_owned()
    };
    let (stronger, equal) = (id(&["orders:read", "orders:write"]).await, id(&["orders:read"]).await);
    let manager = guarded.caller("acme", &[Scope::KeysManage, Scope::OrdersRead]).await;
    let beyond = manager.post(&format!("/keys/{stronger}/rotate"), &json!({})).await;
    assert_eq!((beyond.status.as_u16(), beyond.body["code"].as_str()), (403, Some("insufficient_scope")));
    assert!(beyond.body["detail"].as_str().unwrap().contains("orders:write") && beyond.body.get("key").is_none());
    assert!(beyond.header("www-authenticate").contains("scope=\"orders:write\""), "{beyond:?}");
    assert_eq!(manager.post(&format!("/keys/{equal}/rotate"), &json!({})).await.status, 200);
    // To take a right away gives nobody one.
    assert_eq!(manager.delete(&format!("/keys/{stronger}")).await.status, 204);
}

async fn a_caller_of_one_customer_manages_the_keys_of_this_customer(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let id = async |body| admin.post("/keys", &body).await.body["key_id"].as_str().unwrap().to_owned();
    let of = |customer| json!({"name": "x", "scopes": ["orders:read"], "customer_id": customer});
    let own = id(of("own")).await;
    let others = [id(of("other")).await, id(json!({"name": "x", "scopes": ["orders:read"]})).await];
    let bound = guarded.key("acme", &[Scope::KeysManage, Scope::OrdersRead], Some("own")).await;
    let bound = guarded.api.with_credential(&bound);
    let listed = bound.get("/keys").await.body;
    let listed = listed["keys"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|key| key["customer_id"] == "own"), "{listed:?}");
    for other in others {
        assert_eq!(bound.post(&format!("/keys/{other}/rotate"), &json!({})).await.status, 404);
        assert_eq!(bound.delete(&format!("/keys/{other}")).await.status, 404);
    }
    assert_eq!(bound.post(&format!("/keys/{own}/rotate"), &json!({})).await.status, 200);
    assert_eq!(bound.delete(&format!("/keys/{own}")).await.status, 204);
}

async fn the_keys_of_another_tenant_do_not_exist(guarded: Guarded<impl Store>) {
    let (acme, other) = (guarded.admin("acme").await, guarded.admin("other").await);
    let created = acme.post("/keys", &json!({"name": "shop", "scopes": ["orders:read"]})).await.body;
    let (key, id) = (created["key"].as_str().unwrap(), created["key_id"].as_str().unwrap());
    assert_eq!(other.get("/keys").await.body["keys"].as_array().unwrap().len(), 1);
    assert_eq!(other.delete(&format!("/keys/{id}")).await.status, 404);
    assert_eq!(other.post(&format!("/keys/{id}/rotate"), &json!({})).await.status, 404);
    assert_eq!(guarded.api.with_credential(key).get("/orders").await.status, 200);
}

async fn an_expired_key_is_not_accepted(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    for (expires_at, status) in [("2020-01-01T00:00:00Z", 401), ("2999-01-01T00:00:00Z", 200)] {
        let body = json!({"name": "x", "scopes": ["orders:read"], "expires_at": expires_at});
        let created = admin.post("/keys", &body).await.body;
        let key = guarded.api.with_credential(created["key"].as_str().unwrap());
        assert_eq!(key.get("/orders").await.status, status, "{expires_at}");
    }
}

async fn what_a_key_does_is_recorded_with_its_id(guarded: Guarded<impl Store>) {
    let admin = guarded.admin("acme").await;
    let subject = admin.get("/me").await.body["subject"].clone();
    let order = admin.post("/orders", &json!({"customer_id": "c"})).await.body;
    let path = format!("/orders/{}", order["order_id"].as_str().unwrap());
    for event in [&admin.get(&format!("{path}/events")).await.body["events"][0], &admin.get("/events").await.body[0]] {
        assert_eq!((&event["authtype"], &event["authid"]), (&json!("api_key"), &subject), "{event}");
        assert_eq!((&event["tenant"], event.get("position")), (&json!("acme"), None));
    }
}
