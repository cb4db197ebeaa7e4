//! What the server does outside the handlers: refusals before them, and headers after them.

use std::{collections::BTreeSet, time::Duration};

use orders::{
    app::{PricingError, PricingService, Product},
    domain::Sku,
};
use reqwest::{Method, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    helpers::{Answer, Api},
    support::PATIENCE,
};

#[tokio::test]
async fn a_response_type_that_the_caller_does_not_accept_is_a_406() {
    let api = Api::in_memory();
    let accepting =
        |accept: &'static str| Answer::receive(api.request(Method::GET, "/orders").header(header::ACCEPT, accept));
    for refused in ["text/html", "application/xml, text/*;q=0.5", "application/json;q=0, */*", "application/json;q=0"] {
        accepting(refused).await.assert_problem(406, "not_acceptable");
    }
    for accepted in
        ["*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "text/html, */*;q=0.1", ""]
    {
        assert_eq!(accepting(accepted).await.status, 200, "{accepted}");
    }
    let post =
        api.request(Method::POST, "/orders").header(header::ACCEPT, "text/plain").json(&json!({"customer_id": "c"}));
    Answer::receive(post).await.assert_problem(406, "not_acceptable");
    assert_eq!(api.orders_count().await, 0);
}

#[tokio::test]
async fn headers_over_the_limit_are_a_431() {
    let api = Api::in_memory();
    let large = api.request(Method::GET, "/orders").header("x-large", "x".repeat(17 * 1024));
    Answer::receive(large).await.assert_problem(431, "headers_too_large");
}

#[tokio::test]
async fn only_pages_of_configured_origins_may_call_the_api() {
    let api = Api::in_memory();
    let preflight = |origin: &'static str| {
        let request = api.request(Method::OPTIONS, "/orders").header(header::ORIGIN, origin);
        let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        Answer::receive(request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type,idempotency-key"))
    };
    let allowed = preflight("https://shop.example.com").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://shop.example.com");
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    let refused = preflight("https://evil.example.com").await;
    assert!(refused.status.is_client_error());
    assert_eq!(refused.header("access-control-allow-origin"), "");

    // A page of an allowed origin can read problems, too.
    let order = api.request(Method::POST, "/orders").header(header::ORIGIN, "https://shop.example.com");
    let refused = Answer::receive(order.json(&json!({"customer_id": ""}))).await;
    refused.assert_problem(422, "validation_failed");
    assert_eq!(refused.header("access-control-allow-origin"), "https://shop.example.com");

    let read =
        |origin: &'static str| Answer::receive(api.request(Method::GET, "/products").header(header::ORIGIN, origin));
    let shown = read("https://shop.example.com").await;
    assert_eq!(shown.header("access-control-allow-origin"), "https://shop.example.com");
    assert!(shown.header("access-control-expose-headers").to_lowercase().contains("etag"));
    assert_eq!(read("https://evil.example.com").await.header("access-control-allow-origin"), "");
}

/// A script of another origin sends only the headers that the service allows, and reads only those that it exposes.
#[tokio::test]
async fn pages_of_configured_origins_can_use_every_documented_header() {
    // `EventSource` sends it without asking, and a script can use `after`. The methods of a path are in the document.
    const NOT_FOR_SCRIPTS: [&str; 2] = ["last-event-id", "allow"];
    let api = Api::in_memory();
    let asked = |method, name: &'static str, value: &'static str| {
        Answer::receive(
            api.request(method, "/orders").header(header::ORIGIN, "https://shop.example.com").header(name, value),
        )
    };
    let preflight = asked(Method::OPTIONS, "access-control-request-method", "POST").await;
    let read = asked(Method::GET, "accept", "*/*").await;
    let names = |list: &str| list.split(',').map(|name| name.trim().to_lowercase()).collect::<BTreeSet<_>>();
    let allowed = names(preflight.header("access-control-allow-headers"));
    let exposed = names(read.header("access-control-expose-headers"));
    let methods = preflight.header("access-control-allow-methods").to_lowercase();
    let document = api.get("/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        let documented = item.as_object().unwrap().keys();
        assert!(documented.into_iter().all(|method| methods.contains(method)), "{path}: src/http/middleware/cors.rs");
    }
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    for operation in operations {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let sent = parameters.filter(|parameter| parameter["in"] == "header").map(|one| one["name"].as_str().unwrap());
        let responses = operation["responses"].as_object().unwrap().values();
        let received = responses.flat_map(|response| response["headers"].as_object().unwrap().keys());
        let of_requests = sent.map(|name| (name, &allowed));
        for (name, list) in of_requests.chain(received.map(|name| (name.as_str(), &exposed))) {
            let name = name.to_lowercase();
            let is_listed = list.contains(&name) || NOT_FOR_SCRIPTS.contains(&name.as_str());
            assert!(is_listed, "{name} of {} is not in src/http/middleware/cors.rs", operation["operationId"]);
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_send_and_read_every_documented_header() {
    let api = Api::in_memory();
    let document = api.get("/openapi.json").await.body;
    let (mut sent, mut received) = (BTreeSet::new(), BTreeSet::new());
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        sent.extend(parameters.filter(|it| it["in"] == "header").map(|it| it["name"].as_str().unwrap().to_lowercase()));
        for response in operation["responses"].as_object().unwrap().values() {
            received.extend(response["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase()));
        }
    }
    sent.extend(
        ["accept", "authorization", "cache-control", "content-type", "traceparent", "tracestate", "x-request-id"]
            .map(str::to_owned),
    );
    for header in ["idempotency-key", "if-match", "if-none-match", "last-event-id"] {
        assert!(sent.contains(header), "{header} is documented");
    }
    for name in sent {
        let request = api.request(Method::OPTIONS, "/orders").header(header::ORIGIN, "https://shop.example.com");
        let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
        let answer = Answer::receive(request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, &name)).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert!(answer.header("access-control-allow-headers").to_lowercase().contains(&name), "{name}");
    }
    let request = api.request(Method::GET, "/products").header(header::ORIGIN, "https://shop.example.com");
    let exposed = Answer::receive(request).await.header("access-control-expose-headers").to_lowercase();
    for name in received.difference(&["cache-control", "content-type"].map(str::to_owned).into()) {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} is not in {exposed}");
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let api = Api::in_memory();
    for path in ["/orders", "/nothing", "/app/", "/docs/", "/problems", "/openapi.json"] {
        let answer = api.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn an_unfinished_head_is_a_408() {
    let api = Api::builder().head_timeout(Duration::from_millis(200)).start();
    let answer = answer_to(&api, "GET /orders HTTP/1.1\r\nhost: localhost\r\nx-half").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn an_unfinished_body_is_a_408() {
    let api = Api::builder().body_timeout(Duration::from_millis(200)).start();
    let head =
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
    let answer = answer_to(&api, &format!("{head}{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

/// The response to these bytes.
async fn answer_to(api: &Api, sent: &str) -> String {
    let mut connection = TcpStream::connect(api.url.strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = tokio::time::timeout(PATIENCE, connection.read(&mut answer)).await;
    let length = read.expect("the service answers in time").unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused() {
    let api = Api::in_memory();
    for garbage in ["\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "POST /orders HTTP/1.1\r\ncontent-length: -1\r\n\r\n"] {
        let mut connection = TcpStream::connect(api.url.strip_prefix("http://").unwrap()).await.unwrap();
        connection.write_all(garbage.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{garbage:?}: {answer}");
    }
    assert_eq!(api.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500_without_internals() {
    let api = Api::builder().pricing(Panicking).start();
    let answer = api.get("/products").await;
    answer.assert_problem(500, "internal_error");
    assert!(!answer.body.to_string().contains("boom"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(api.get("/health/live").await.status, 200);
}

/// A pricing service with a bug.
#[derive(Clone)]
struct Panicking;

impl PricingService for Panicking {
    async fn find(&self, _: &[Sku]) -> Result<Vec<Option<Product>>, PricingError> {
        panic!("boom")
    }

    async fn list(&self) -> Result<Vec<Product>, PricingError> {
        panic!("boom")
    }
}

#[tokio::test]
async fn refusals_of_the_file_server_and_swagger_ui_are_problems() {
    let api = Api::in_memory();
    for path in ["/app/", "/app/app.js", "/docs", "/docs/", "/docs/swagger-ui.css"] {
        let post = Answer::receive(api.request(Method::POST, path)).await;
        post.assert_problem(405, "method_not_allowed");
        assert_eq!(post.header("allow"), "GET, HEAD, OPTIONS");
    }
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        for path in ["/docs/nothing.js", "/app/nothing.js"] {
            let nothing = Answer::receive(api.request(method.clone(), path)).await;
            nothing.assert_problem(404, "route_not_found");
        }
    }
    let length = api.get("/app/app.js").await.header("content-length").to_owned();
    let range = api.request(Method::GET, "/app/app.js").header(header::RANGE, "bytes=999999999-");
    let refused = Answer::receive(range).await;
    refused.assert_problem(416, "range_not_satisfiable");
    assert_eq!(refused.header("content-range"), format!("bytes */{length}"));
}

#[tokio::test]
async fn pages_and_files_respond_to_head_and_options_like_routes() {
    let api = Api::in_memory();
    for path in ["/docs", "/docs/", "/docs/swagger-ui.css", "/app/", "/app/app.js", "/app/orders/x", "/problems"] {
        let (get, head) = (api.get(path).await, Answer::receive(api.request(Method::HEAD, path)).await);
        assert_eq!((head.status, head.body.as_str()), (get.status, Some("")), "{path}");
        for name in
            ["content-type", "content-length", "content-encoding", "etag", "cache-control", "location", "last-modified"]
        {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        let options = Answer::receive(api.request(Method::OPTIONS, path)).await;
        assert_eq!((options.status.as_u16(), options.header("allow")), (204, "GET, HEAD, OPTIONS"), "{path}");
    }
}

#[tokio::test]
async fn the_root_answers_every_accept_header() {
    let api = Api::in_memory();
    for (accept, status) in
        [("application/json", 200), ("text/html", 303), ("text/html;q=0, */*", 200), ("image/png", 200)]
    {
        let answer = Answer::receive(api.request(Method::GET, "/").header(header::ACCEPT, accept)).await;
        assert_eq!(answer.status, status, "{accept}");
        let vary = answer.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("accept"));
        assert!(vary, "{:?}", answer.headers);
    }
}
