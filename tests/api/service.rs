use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures_util::future::join_all;
use orders::{
    app::{RepoError, UnitOfWork},
    domain::{Context, Order, OrderId, OrderRules, Stamp, TenantId},
    infra::{PgStore, PoolSettings},
};
use reqwest::{Method, header};
use serde_json::json;
use sqlx::query_scalar;
use time::OffsetDateTime;

use crate::{
    helpers::{Answer, Api, on_each_store},
    support::{Database, eventually},
};

on_each_store! {
    the_service_is_live_and_ready,
    every_response_has_the_id_of_its_request,
    head_answers_as_get_without_the_body,
    options_lists_the_methods_of_a_path,
    only_what_has_an_entity_tag_may_be_kept_by_a_cache,
    a_probe_that_accepts_only_text_gets_text,
    the_root_redirects_browsers_to_the_console_and_gives_programs_the_version,
}

async fn the_service_is_live_and_ready(api: Api) {
    assert_eq!(api.get("/health/live").await.body, json!({"status": "live"}));
    assert_eq!(api.get("/health/ready").await.body, json!({"status": "ready", "degraded_sinks": []}));
}

async fn every_response_has_the_id_of_its_request(api: Api) {
    let ask = |id: &str| api.request(Method::GET, "/nothing").header("x-request-id", id.to_owned());
    let answer = Answer::receive(ask("My-id_1.2")).await;
    assert_eq!((answer.header("x-request-id"), answer.body["request_id"].as_str()), ("My-id_1.2", Some("My-id_1.2")));
    for malformed in ["", "a b", "a\tb", "<x>", &"x".repeat(129)] {
        let answer = Answer::receive(ask(malformed)).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "accepted: {malformed}");
    }
    let (one, other) = (api.get("/products").await, api.get("/products").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_eq!(one.header("x-content-type-options"), "nosniff");
}

async fn head_answers_as_get_without_the_body(api: Api) {
    let id = api.order().await["order_id"].as_str().unwrap().to_owned();
    for path in ["/orders", "/products", "/health/live", &format!("/orders/{id}")] {
        let (get, head) = (api.get(path).await, Answer::receive(api.request(Method::HEAD, path)).await);
        assert_eq!((head.status, head.body.as_str()), (get.status, Some("")));
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}

async fn options_lists_the_methods_of_a_path(api: Api) {
    let answer = Answer::receive(api.request(Method::OPTIONS, "/orders")).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, "GET, HEAD, POST, OPTIONS"));
}

async fn only_what_has_an_entity_tag_may_be_kept_by_a_cache(api: Api) {
    let order = api.order_path().await;
    for (path, directive) in [
        (order.as_str(), "no-cache"),
        (&format!("{order}?as_of=1"), "no-cache"),
        ("/app/app.js", "no-cache"),
        ("/app/", "no-cache"),
        (&format!("{order}/events"), "no-store"),
        ("/orders", "no-store"),
        ("/events", "no-store"),
        ("/products", "no-store"),
        ("/health/ready", "no-store"),
        ("/openapi.json", "no-store"),
        ("/", "no-store"),
        ("/orders/x", "no-store"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = Answer::receive(api.request(method.clone(), path)).await;
            assert_eq!(answer.header("cache-control"), directive, "{method} {path}");
        }
    }
    assert_eq!(api.get("/nothing").await.header("cache-control"), "no-store");
    let known = Answer::receive(api.request(Method::GET, &order).header("if-none-match", "*")).await;
    assert_eq!((known.status.as_u16(), known.header("cache-control")), (304, "no-cache"));
}

async fn a_probe_that_accepts_only_text_gets_text(api: Api) {
    for (path, text) in [("/health/live", "live\n"), ("/health/ready", "ready\n")] {
        let ask = |accept: &'static str| Answer::receive(api.request(Method::GET, path).header("accept", accept));
        for accept in ["text/plain", "text/*", "application/json;q=0.5, text/plain"] {
            let answer = ask(accept).await;
            assert_eq!((answer.header("content-type"), &answer.body), ("text/plain; charset=utf-8", &json!(text)));
        }
        for accept in ["*/*", "application/json", "text/plain;q=0.5, application/json", "text/plain, */*"] {
            assert_eq!(ask(accept).await.header("content-type"), "application/json", "{accept}");
        }
        ask("image/png").await.assert_problem(406, "not_acceptable");
    }
}

async fn the_root_redirects_browsers_to_the_console_and_gives_programs_the_version(api: Api) {
    let browser = Answer::receive(api.request(Method::GET, "/").header(header::ACCEPT, "text/html,*/*;q=0.8")).await;
    assert_eq!((browser.status.as_u16(), browser.header("location")), (303, "/app/"));
    assert!([&browser, &api.get("/").await].iter().all(|answer| answer.header("vary").starts_with("accept")));
    assert_eq!(api.get("/").await.body, json!({"name": "orders", "version": env!("CARGO_PKG_VERSION")}));
    let page = api.get("/app/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn every_view_of_the_console_has_a_url_and_unknown_files_are_a_404() {
    let api = Api::in_memory();
    let page = api.get("/app/").await;
    for view in ["/app", "/app/new", "/app/orders/01890a5d-ac96-774b-bcce-b302099a8057?as_of=3", "/app/?status=open"] {
        let answer = api.get(view).await;
        assert_eq!((answer.status, &answer.body), (page.status, &page.body), "{view}");
    }
    for nothing in ["/app/nothing.js", "/app/orders/nothing.css"] {
        api.get(nothing).await.assert_problem(404, "route_not_found");
    }
    api.get("/app/..%2fCargo.toml").await.assert_problem(400, "invalid_parameter");
    let script = api.get("/app/app.js").await;
    assert_eq!((script.status.as_u16(), script.header("cache-control")), (200, "no-cache"));
    assert!(script.header("content-type").contains("javascript"));
    let tag = script.header("etag").to_owned();
    let again = api.request(Method::GET, "/app/app.js").header("if-none-match", tag);
    assert_eq!(Answer::receive(again).await.status, 304);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_503_with_retry_after() {
    let nowhere = orders::infra::connect_options("postgres://postgres@localhost:1/orders").unwrap();
    let settings = PoolSettings { max_connections: 2, acquire_timeout: Duration::from_millis(200) };
    let api = Api::builder().start_on(PgStore::new(&nowhere, settings));
    let order = json!({"customer_id": "c"});
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for answer in [
        api.post("/orders", &order).await,
        api.get("/orders").await,
        api.get(&format!("/orders/{id}")).await,
        api.post(&format!("/orders/{id}/items"), &json!({"sku": "MOUSE456", "quantity": 1})).await,
        api.get("/health/ready").await,
    ] {
        answer.assert_problem(503, "store_unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(api.get("/health/live").await.status, 200);
    assert_eq!(api.get("/products").await.status, 200);
}

#[tokio::test]
async fn a_write_beyond_the_commit_queue_is_a_503_with_retry_after() {
    let database = Database::new().await;
    let store = database.store();
    let api = Api::builder().start_on(store.clone());
    let (mut head, mut observer) = (database.connect().await, database.connect().await);
    sqlx::raw_sql("begin; select position from event_head for update").execute(&mut head).await.unwrap();
    let first = tokio::spawn({
        let store = store.clone();
        async move { create(&store, 5000).await }
    });
    eventually("the first write waits in its transaction", async || {
        let waiting =
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let waiting: Option<i32> = query_scalar(waiting).fetch_optional(&mut observer).await.unwrap();
        waiting
    })
    .await;
    // The first poll of a write hands it over.
    let mut writes = pin!(join_all((0..5000).map(|n| create(&store, n))));
    assert!(poll_fn(|context| Poll::Ready(writes.as_mut().poll(context))).await.is_pending());
    let order = json!({"customer_id": "c"});
    let refused = api.post("/orders", &order).await;
    refused.assert_problem(503, "store_unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(api.get("/orders").await.status, 200);

    sqlx::raw_sql("rollback").execute(&mut head).await.unwrap();
    first.await.unwrap().unwrap();
    let kept = writes.await.into_iter().flatten().count();
    assert!((1000..5000).contains(&kept), "{kept} were kept");
    assert_eq!(api.post("/orders", &order).await.status, 201);
    assert_eq!(api.get("/orders?total=true").await.body["total_orders"], kept + 2);
}

async fn create(store: &PgStore, n: u64) -> Result<(), RepoError> {
    let at = OffsetDateTime::UNIX_EPOCH;
    let id = OrderId::new(at, n);
    let order = Order::create(
        id,
        "c".parse().unwrap(),
        "EUR".parse().unwrap(),
        Context { rules: OrderRules::DEFAULT, stamp: Stamp::new(id.as_uuid(), at) },
    );
    let mut uow = store.begin(&TenantId::anonymous(), None);
    uow.save(order)?;
    uow.commit().await
}
