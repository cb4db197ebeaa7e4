//! A service behind a proxy that removes a path prefix.

use reqwest::{Method, header};
use serde_json::json;

use crate::helpers::{Answer, Api};

fn behind_a_prefix() -> Api {
    Api::builder().base_path("/shop").start()
}

#[tokio::test]
async fn paths_that_the_service_sends_begin_with_the_base_path() {
    let api = behind_a_prefix();
    let created = api.post("/orders", &json!({"customer_id": "c"})).await;
    let id = created.body["order_id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/shop/orders/{id}"));
    let other = api.order_path().await;
    for path in ["/orders?limit=1", "/events?limit=1", &format!("{other}/events?limit=1")] {
        let link = api.get(path).await.header("link").to_owned();
        assert!(link.split(", ").all(|link| link.starts_with("</shop/")), "{path}: {link}");
    }
    let browser = Answer::receive(api.request(Method::GET, "/").header(header::ACCEPT, "text/html")).await;
    assert_eq!(browser.header("location"), "/shop/app/");
    assert_eq!(api.get("/docs").await.header("location"), "/shop/docs/");
    assert_eq!(api.get("/openapi.json").await.body["servers"], json!([{"url": "/shop"}]));
    assert!(api.get("/docs/swagger-initializer.js").await.body.as_str().unwrap().contains("\"/shop/openapi.json\""));
}

#[tokio::test]
async fn problems_have_the_base_path() {
    let api = behind_a_prefix();
    let problem = api.get("/nothing").await.body;
    assert_eq!(
        (&problem["type"], &problem["instance"]),
        (&json!("/shop/problems/route_not_found"), &json!("/shop/nothing"))
    );
    let batch = api.post("/orders/batch", &json!({"orders": [{}]})).await.body;
    let refused = &batch["results"][0]["problem"];
    assert_eq!((&refused["type"], &refused["instance"]), (&json!("/shop/problems/invalid_body"), &json!("#/orders/0")));
    for page in ["/problems", "/problems/lost_race"] {
        let page = api.get(page).await.body.as_str().unwrap().to_owned();
        assert!(page.contains("href=\"/shop/problems/lost_race\"") && !page.contains("href=\"/problems"), "{page}");
    }
}

#[tokio::test]
async fn the_console_loads_its_files_below_the_base_path() {
    let api = behind_a_prefix();
    let page = api.get("/app/").await;
    let html = page.body.as_str().unwrap();
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let mut count = 0;
    for address in html.split(['"', '\'']).filter(|text| text.starts_with('/') && !text.contains(' ')) {
        let path = address.strip_prefix("/shop").unwrap_or_else(|| panic!("{address} has no base path"));
        assert!([200, 307].contains(&api.get(path).await.status.as_u16()), "{address}");
        count += 1;
    }
    assert!(count > 8, "{html}");
    for view in ["/app", "/app/index.html", "/app/new", "/app/orders/01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_eq!(api.get(view).await.body, page.body, "{view}");
    }
    let head = Answer::receive(api.request(Method::HEAD, "/app/")).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, Some("")));
    assert_eq!(api.get("/app/api.js").await.status, 200);
}

#[tokio::test]
async fn the_service_serves_paths_without_the_base_path_only() {
    let api = behind_a_prefix();
    let prefixed = api.get("/shop/orders").await;
    assert_eq!((prefixed.status.as_u16(), &prefixed.body["instance"]), (404, &json!("/shop/shop/orders")));
    // A header of the client does not change the paths.
    let forwarded = api.request(Method::POST, "/orders").header("x-forwarded-prefix", "/evil");
    let created = Answer::receive(forwarded.json(&json!({"customer_id": "c"}))).await;
    assert!(created.header("location").starts_with("/shop/orders/"));
}
