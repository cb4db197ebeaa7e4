//! The console of a service with access control: signing in, what the scopes allow, and signing in again in the middle of
//! work.

use fantoccini::key::Key;
use serde_json::json;

use crate::{
    browser::{Browser, Device},
    support::{
        Database, eventually,
        program::Program,
        service::{Service, client},
    },
};

/// A service that accepts API keys, and its first key, which may do everything.
struct Guarded {
    service: Service,
    browser: Browser,
    key: String,
    _database: Database,
}

impl Guarded {
    async fn start() -> Self {
        Self::start_with(|program| program).await
    }

    async fn start_with(change: impl FnOnce(Program) -> Program) -> Self {
        let database = Database::new().await;
        let created =
            Program::new().argument("keys").argument("create").option("--name", "admin").option("--scope", "all");
        let created = created.database(&database).run();
        assert!(created.status.success(), "{created:?}");
        let service = change(Program::new().database(&database).option("--auth", "keys")).start();
        let browser = Browser::start(&service.url, Device::Desktop).await;
        Self { service, browser, key: created.stdout.trim().to_owned(), _database: database }
    }

    /// Another key of the same tenant.
    async fn key(&self, scopes: &[&str]) -> (String, String) {
        let request = client().post(format!("{}/keys", self.service.url)).bearer_auth(&self.key);
        let created = request.json(&json!({"name": "console", "scopes": scopes})).send().await.unwrap();
        let created: serde_json::Value = created.json().await.unwrap();
        (created["key"].as_str().unwrap().to_owned(), created["key_id"].as_str().unwrap().to_owned())
    }

    async fn create_order(&self) -> String {
        let items = json!([{"sku": "LAPTOP123", "quantity": 1}]);
        let request = client().post(format!("{}/orders", self.service.url)).bearer_auth(&self.key);
        let order = request.json(&json!({"customer_id": "shown", "items": items})).send().await.unwrap();
        let order: serde_json::Value = order.json().await.unwrap();
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn sign_in(&self, key: &str) {
        self.browser.fill("#credential", key).await;
        self.browser.press_button("Sign in").await;
    }

    async fn wait_for_text(&self, css: &str, text: &str) {
        eventually(&format!("{css} shows {text:?}"), async || {
            self.browser.text(css).await.contains(text).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_asks_for_a_key_and_shows_who_is_signed_in_until_the_user_signs_out() {
    let guarded = Guarded::start().await;
    guarded.create_order().await;
    guarded.browser.open("/app/").await;
    guarded.sign_in("ord_wrong").await;
    guarded.wait_for_text("#sign-in-dialog .error", "does not exist").await;
    guarded.sign_in(&guarded.key).await;
    guarded.wait_for_text("main", "shown").await;
    guarded.wait_for_text("#caller", "default").await;
    guarded.wait_for_text("#connection", "Live").await;
    // The credential is in the session storage of the tab, and nowhere else.
    let stored = guarded
        .browser
        .script(
            "return [JSON.stringify({...sessionStorage}), JSON.stringify({...localStorage}), document.cookie]",
            vec![],
        )
        .await;
    let stored: Vec<String> = serde_json::from_value(stored).unwrap();
    assert!(
        stored[0].contains(&guarded.key) && !stored[1].contains("ord_") && !stored[2].contains("ord_"),
        "{stored:?}"
    );
    guarded.browser.press_button("Sign out").await;
    guarded.browser.find("#sign-in-dialog").await;
    assert!(!guarded.browser.text("main").await.contains("shown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_for_a_key_cannot_be_closed_without_one() {
    let guarded = Guarded::start().await;
    guarded.browser.open("/app/").await;
    guarded.browser.find("#sign-in-dialog[open]").await;
    for _ in 0..3 {
        guarded.browser.key(Key::Escape).await;
        guarded.browser.find("#sign-in-dialog[open]").await;
    }
    guarded.browser.fill("#credential", "kälte").await;
    guarded.browser.press_button("Sign in").await;
    guarded.wait_for_text("#sign-in-dialog .error", "letters, digits and signs only").await;
    guarded.sign_in(&guarded.key).await;
    guarded.wait_for_text("#caller", "default").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_has_to_wait_is_not_asked_for_another_key() {
    let guarded = Guarded::start_with(|program| program.option("--rate-limit", "12/m")).await;
    guarded.browser.open("/app/").await;
    guarded.sign_in(&guarded.key).await;
    guarded.wait_for_text("#caller", "default").await;
    eventually("the quota is used up", async || {
        let asked = client().get(format!("{}/me", guarded.service.url)).bearer_auth(&guarded.key).send().await.unwrap();
        (asked.status() == 429).then_some(())
    })
    .await;
    guarded.browser.open("/app/").await;
    guarded.wait_for_text("#caller", "default").await;
    assert!(guarded.browser.find_all("#sign-in-dialog").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_may_only_read_sees_orders_and_no_actions() {
    let guarded = Guarded::start().await;
    let order = guarded.create_order().await;
    let (reader, _) = guarded.key(&["orders:read"]).await;
    guarded.browser.open("/app/").await;
    guarded.sign_in(&reader).await;
    guarded.wait_for_text("main", "shown").await;
    guarded.wait_for_text("#connection", "Not live").await;
    assert!(!guarded.browser.find("#new-order").await.is_displayed().await.unwrap());
    guarded.browser.open(&format!("/app/orders/{order}")).await;
    guarded.wait_for_text("main", "Laptop").await;
    eventually("no action is offered", async || {
        for action in guarded.browser.find_all("[data-action]").await {
            if action.is_displayed().await.ok()? {
                return None;
            }
        }
        Some(())
    })
    .await;
    // The history says who did it.
    guarded.wait_for_text("#history", "by key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_ends_in_the_middle_of_work_is_asked_for_again_and_nothing_typed_is_lost() {
    let guarded = Guarded::start().await;
    let (key, id) = guarded.key(&["orders:read", "orders:write", "events:read", "keys:manage"]).await;
    guarded.browser.open("/app/new").await;
    guarded.sign_in(&key).await;
    guarded.wait_for_text("#connection", "Live").await;
    guarded.browser.fill("#customer", "typed").await;
    let rotate = client().post(format!("{}/keys/{id}/rotate", guarded.service.url)).bearer_auth(&guarded.key);
    let rotated = rotate.json(&json!({"overlap_seconds": 0})).send().await.unwrap();
    let rotated: serde_json::Value = rotated.json().await.unwrap();
    // The stream ends by itself, and asks.
    guarded.wait_for_text("#sign-in-dialog", "Nothing that you typed is lost").await;
    guarded.sign_in(rotated["key"].as_str().unwrap()).await;
    guarded.wait_for_text("#connection", "Live").await;
    assert!(guarded.browser.find_all("#sign-in-dialog").await.is_empty());
    assert_eq!(guarded.browser.find("#customer").await.prop("value").await.unwrap().as_deref(), Some("typed"));
}
