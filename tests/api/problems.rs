use reqwest::{Method, header};
use serde_json::json;

use crate::helpers::{Answer, Api, on_each_store};

on_each_store! {
    malformed_json_is_refused_and_stores_nothing,
    a_body_of_another_shape_is_refused_field_by_field,
    all_values_that_break_a_rule_are_listed_at_once,
    unknown_products_are_listed_by_their_place,
    an_order_has_at_most_200_lines,
    a_product_with_a_price_in_another_currency_is_refused,
    an_unknown_order_is_a_404_and_a_malformed_id_a_400,
    unknown_paths_are_a_404_and_unknown_methods_a_405,
    parameters_are_refused_by_name,
    percent_encoded_bytes_that_are_not_utf_8_are_refused,
    of_several_errors_the_query_comes_first_then_path_body_conditions_and_fields,
    a_body_over_64_kib_is_refused,
    a_body_that_is_not_declared_as_json_is_refused,
    a_problem_lists_at_most_100_errors_and_counts_the_others,
}

async fn malformed_json_is_refused_and_stores_nothing(api: Api) {
    let deep = "[".repeat(10_000);
    for bad in [
        "",
        "{",
        "nonsense",
        "{\"customer_id\":\"c\"} trailing",
        "{\"customer_id\":\"c\",\"customer_id\":\"d\"}",
        "{\"customer_id\":\"\\u0000\"}",
        "{\"customer_id\":\"\\ud800\"}",
        "{\"customer_id\":1e999}",
        "{'customer_id':'c'}",
        "{\"customer_id\":\"c\",}",
        "\u{0}",
        &deep,
    ] {
        api.post_bytes("/orders", bad.to_owned()).await.assert_problem(400, "malformed_json");
    }
    api.post_bytes("/orders", &b"{\"customer_id\":\"\xff\"}"[..]).await.assert_problem(400, "malformed_json");
    assert_eq!(api.orders_count().await, 0);
}

async fn a_body_of_another_shape_is_refused_field_by_field(api: Api) {
    let body = json!({
        "customer": "c",
        "currency": 5,
        "items": [{"sku": "MOUSE456", "quantity": "1", "a/b~c": 0}, 7, {"quantity": 1.5}, {"sku": null, "quantity": 1_u64 << 63}],
    });
    let answer = api.post("/orders", &body).await;
    answer.assert_problem(400, "invalid_body");
    let expected = [
        ("/customer_id", "required"),
        ("/currency", "wrong_type"),
        ("/items/0/quantity", "wrong_type"),
        ("/items/0/a~1b~0c", "unknown_field"),
        ("/items/1", "wrong_type"),
        ("/items/2/sku", "required"),
        ("/items/2/quantity", "wrong_type"),
        ("/items/3/sku", "wrong_type"),
        ("/items/3/quantity", "wrong_type"),
        ("/customer", "unknown_field"),
    ];
    assert_eq!(answer.errors(), expected);
    for bad in [json!([]), json!("text"), json!(null), json!({"customer_id": "c", "items": {}})] {
        api.post("/orders", &bad).await.assert_problem(400, "invalid_body");
    }
    assert_eq!(api.orders_count().await, 0);
}

async fn all_values_that_break_a_rule_are_listed_at_once(api: Api) {
    let items = json!([
        {"sku": "SHORT", "quantity": 0},
        {"sku": "MOUSE-456", "quantity": 1000},
        {"sku": "MOUSE456", "quantity": -1},
        {"sku": "MOUSE456", "quantity": 1},
    ]);
    let answer = api.post("/orders", &json!({"customer_id": " ", "currency": "euro", "items": items})).await;
    answer.assert_problem(422, "validation_failed");
    let expected = [
        ("/customer_id", "invalid_customer_id"),
        ("/currency", "invalid_currency"),
        ("/items/0/sku", "invalid_sku"),
        ("/items/0/quantity", "invalid_quantity"),
        ("/items/1/sku", "invalid_sku"),
        ("/items/1/quantity", "invalid_quantity"),
        ("/items/2/quantity", "invalid_quantity"),
    ];
    assert_eq!(answer.errors(), expected);
    for bad in ["a\u{7}b", &"x".repeat(65)] {
        api.post("/orders", &json!({"customer_id": bad})).await.assert_problem(422, "validation_failed");
    }
    assert_eq!(api.orders_count().await, 0);

    let id = api.order().await["order_id"].as_str().unwrap().to_owned();
    let answer = api.post(&format!("/orders/{id}/items"), &json!({"sku": "SHORT", "quantity": 1000})).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(answer.errors(), [("/sku", "invalid_sku"), ("/quantity", "invalid_quantity")]);
    assert_eq!(api.get(&format!("/orders/{id}")).await.body["version"], 3);
}

async fn unknown_products_are_listed_by_their_place(api: Api) {
    let items = json!([{"sku": "NOSUCH123", "quantity": 1}, {"sku": "MOUSE456", "quantity": 1}, {"sku": "NOSUCH124", "quantity": 1}]);
    let answer = api.post("/orders", &json!({"customer_id": "c", "items": items})).await;
    answer.assert_problem(422, "unknown_product");
    assert_eq!(answer.errors(), [("/items/0/sku", "unknown_product"), ("/items/2/sku", "unknown_product")]);
    assert_eq!(api.orders_count().await, 0);

    let id = api.order().await["order_id"].as_str().unwrap().to_owned();
    let answer = api.post(&format!("/orders/{id}/items"), &json!({"sku": "NOSUCH123", "quantity": 1})).await;
    answer.assert_problem(422, "unknown_product");
    assert_eq!(answer.errors(), [("/sku", "unknown_product")]);
}

async fn an_order_has_at_most_200_lines(api: Api) {
    let items = |count| json!(vec![json!({"sku": "MOUSE456", "quantity": 999}); count]);
    let answer = api.post("/orders", &json!({"customer_id": "c", "items": items(201)})).await;
    answer.assert_problem(422, "too_many_lines");
    assert_eq!(answer.errors(), [("/items", "too_many_lines")]);
    assert_eq!(api.orders_count().await, 0);

    let full = api.post("/orders", &json!({"customer_id": "c", "items": items(200)})).await;
    assert_eq!((full.status.as_u16(), &full.body["total_amount"]), (201, &json!("5992002.00")));
    assert_eq!(full.body["allowed_actions"], json!(["change_quantity", "remove_item", "place", "cancel"]));
    assert_eq!(full.body["disallowed_actions"][0]["code"], "too_many_lines");
    let id = full.body["order_id"].as_str().unwrap();
    let answer = api.post(&format!("/orders/{id}/items"), &json!({"sku": "MOUSE456", "quantity": 1})).await;
    answer.assert_problem(422, "too_many_lines");
    assert_eq!(api.get(&format!("/orders/{id}")).await.body, full.body);
}

async fn a_product_with_a_price_in_another_currency_is_refused(api: Api) {
    let body = json!({"customer_id": "c", "currency": "USD", "items": [{"sku": "MOUSE456", "quantity": 1}]});
    api.post("/orders", &body).await.assert_problem(422, "currency_mismatch");
    assert_eq!(api.orders_count().await, 0);
}

async fn an_unknown_order_is_a_404_and_a_malformed_id_a_400(api: Api) {
    let nobody = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    api.get(nobody).await.assert_problem(404, "order_not_found");
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    api.post(&format!("{nobody}/items"), &item).await.assert_problem(404, "order_not_found");
    for no_id in
        ["x", "01890a5dac96774bbcceb302099a8057", "%00", "01890a5d-ac96-774b-bcce-b302099a805z", "%F0%9F%98%80"]
    {
        let answer = api.get(&format!("/orders/{no_id}")).await;
        answer.assert_problem(400, "invalid_parameter");
        assert_eq!(answer.errors(), [("order_id", "invalid")]);
    }
}

async fn unknown_paths_are_a_404_and_unknown_methods_a_405(api: Api) {
    for path in ["/nothing", "/orders/", "/orders/a/b/c", "/app/nothing.js", "/app/../../Cargo.toml", "/%C3%BF"] {
        api.get(path).await.assert_problem(404, "route_not_found");
    }
    let answer = Answer::receive(api.request(Method::DELETE, "/orders")).await;
    answer.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST, OPTIONS");
    let answer = Answer::receive(api.request(Method::PUT, "/products")).await;
    answer.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
}

async fn parameters_are_refused_by_name(api: Api) {
    let refused = [
        ("/orders?limit=0", "limit"),
        ("/orders?limit=201", "limit"),
        ("/orders?limit=ten", "limit"),
        ("/orders?limit=1&limit=2", "limit"),
        ("/orders?colour=red", "colour"),
        ("/orders?status=lost", "status"),
        ("/orders?customer_id=", "customer_id"),
        ("/orders?created_from=yesterday", "created_from"),
        ("/products?colour=red", "colour"),
        ("/health/live?colour=red", "colour"),
    ];
    for (path, name) in refused {
        let answer = api.get(path).await;
        answer.assert_problem(400, "invalid_parameter");
        assert_eq!(answer.errors().iter().map(|(place, _)| *place).collect::<Vec<_>>(), [name], "{path}");
    }
    let several = api.get("/orders?limit=0&colour=red&status=lost").await;
    assert_eq!(several.errors(), [("limit", "invalid"), ("status", "invalid"), ("colour", "unknown")]);
    let item = json!({"customer_id": "c"});
    api.post("/orders?dry_run=true", &item).await.assert_problem(400, "invalid_parameter");
    assert_eq!(api.orders_count().await, 0);
}

async fn percent_encoded_bytes_that_are_not_utf_8_are_refused(api: Api) {
    // The replacement character would match this customer.
    api.post("/orders", &json!({"customer_id": "caf\u{fffd}"})).await;
    for (path, name) in [
        ("/orders?customer_id=caf%E9", "customer_id"),
        ("/orders?limit=1&customer_id=%ff", "customer_id"),
        ("/orders?caf%E9=1", "caf%E9"),
        ("/events?type=%ff", "type"),
        ("/orders/%ff", "path"),
        ("/orders/%ff/events", "path"),
        ("/problems/%ff", "path"),
        ("/app/%ff", "path"),
    ] {
        let refused = api.get(path).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [(name, "invalid")], "{path}");
    }
    assert_eq!(api.get("/orders?customer_id=caf%EF%BF%BD").await.body["orders"].as_array().unwrap().len(), 1);
}

async fn of_several_errors_the_query_comes_first_then_path_body_conditions_and_fields(api: Api) {
    let nobody = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    let send = |path: &str, body: &'static str, tags: &'static str| {
        let request = api.request(Method::PATCH, path).header(header::CONTENT_TYPE, "application/json");
        Answer::receive(request.header(header::IF_MATCH, tags).body(body))
    };
    let query = send("/orders/x/items/y?colour=red", "{", "3").await;
    assert_eq!(query.errors(), [("colour", "unknown")]);
    assert_eq!(send("/orders/x/items/y", "{", "3").await.errors(), [("order_id", "invalid")]);
    assert_eq!(send(&format!("{nobody}/items/y"), "{", "3").await.errors(), [("line", "invalid")]);
    let line = format!("{nobody}/items/1");
    send(&line, "{", "3").await.assert_problem(400, "malformed_json");
    assert_eq!(send(&line, "{}", "3").await.errors(), [("if-match", "invalid")]);
    assert_eq!(send(&line, "{}", "*").await.errors(), [("/quantity", "required")]);
    send(&line, r#"{"quantity": 1}"#, "*").await.assert_problem(404, "order_not_found");
}

async fn a_body_over_64_kib_is_refused(api: Api) {
    let body = format!("{{\"customer_id\":\"c\"{}}}", " ".repeat(64 * 1024));
    api.post_bytes("/orders", body.clone()).await.assert_problem(413, "body_too_large");
    // The limit also holds without a declared length.
    let chunks =
        body.into_bytes().chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    api.post_bytes("/orders", stream).await.assert_problem(413, "body_too_large");

    let fits = format!("{{\"customer_id\":\"c\"{}}}", " ".repeat(64 * 1024 - 19));
    assert_eq!(fits.len(), 64 * 1024);
    assert_eq!(api.post_bytes("/orders", fits).await.status, 201);
}

async fn a_body_that_is_not_declared_as_json_is_refused(api: Api) {
    let post = |kind: Option<&'static str>| {
        let request = api.request(Method::POST, "/orders").body("{\"customer_id\":\"c\"}");
        match kind {
            Some(kind) => request.header(header::CONTENT_TYPE, kind),
            None => request,
        }
    };
    for wrong in
        [None, Some("text/plain"), Some("application/json; charset=latin1"), Some("application/jsonp"), Some("\"")]
    {
        let refused = Answer::receive(post(wrong)).await;
        refused.assert_problem(415, "unsupported_media_type");
        assert_eq!((refused.header("accept-post"), refused.header("accept-patch")), ("application/json", ""));
    }
    let item = format!("{}/items/1", api.order_path().await);
    let refused = Answer::receive(api.request(Method::PATCH, &item).body("{}")).await;
    assert_eq!((refused.header("accept-post"), refused.header("accept-patch")), ("", "application/json"));
    let options = Answer::receive(api.request(Method::OPTIONS, &item)).await;
    assert_eq!((options.header("accept-post"), options.header("accept-patch")), ("", "application/json"));
    for right in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json ; charset=utf-8",
        "application/json\t;\tcharset=\"utf-8\" ;",
        "application/json;; x=\"a;b\"",
    ] {
        assert_eq!(Answer::receive(post(Some(right))).await.status, 201, "{right}");
    }
    let again = post(Some("application/json")).header(header::CONTENT_TYPE, "text/plain");
    Answer::receive(again).await.assert_problem(415, "unsupported_media_type");
    for encodings in [&["gzip"][..], &["identity", "gzip"], &["identity, gzip"], &["br", "identity"]] {
        let request = encodings.iter().fold(post(Some("application/json")), |request, encoding| {
            request.header(header::CONTENT_ENCODING, *encoding)
        });
        Answer::receive(request).await.assert_problem(415, "unsupported_media_type");
    }
    let plain = post(Some("application/json")).header(header::CONTENT_ENCODING, "identity, Identity");
    assert_eq!(Answer::receive(plain).await.status, 201);
}

async fn a_problem_lists_at_most_100_errors_and_counts_the_others(api: Api) {
    let names = |count| (0..count).map(|n| format!("n{n:04}")).collect::<Vec<_>>();
    let unknown = |count| serde_json::Value::Object(names(count).into_iter().map(|name| (name, json!(0))).collect());
    let size = |body: &serde_json::Value| body.to_string().len();

    let exactly = api.post("/orders", &unknown(99)).await;
    assert_eq!((exactly.errors().len(), &exactly.body["more_errors"]), (100, &json!(null)));
    let sent = unknown(6000);
    let refused = api.post("/orders", &sent).await;
    refused.assert_problem(400, "invalid_body");
    // The customer is missing, too.
    assert_eq!((refused.errors().len(), &refused.body["more_errors"]), (100, &json!(5901)));
    assert!(size(&refused.body) < size(&sent), "{}", size(&refused.body));

    let query = api.get(&format!("/orders?{}", names(500).join("&"))).await;
    query.assert_problem(400, "invalid_parameter");
    assert_eq!((query.errors().len(), &query.body["more_errors"]), (100, &json!(400)));

    // The limit holds for a batch as a whole. Every problem has one error at least.
    let sent = json!({"orders": vec![unknown(60); 100]});
    let batch = api.post("/orders/batch", &sent).await;
    let results = batch.body["results"].as_array().unwrap();
    let listed = |result: &serde_json::Value| result["problem"]["errors"].as_array().unwrap().len();
    let more = |result: &serde_json::Value| result["problem"]["more_errors"].as_u64().unwrap_or(0);
    assert_eq!(results.iter().map(listed).collect::<Vec<_>>()[..3], [61, 39, 1]);
    assert!(results.iter().all(|result| listed(result) as u64 + more(result) == 61));
    assert!(size(&batch.body) < 2 * size(&sent), "{}", size(&batch.body));

    // Texts shorten a long name.
    let name = "é".repeat(10_000);
    let refused = api.post("/orders", &json!({ name.clone(): 1, "customer_id": "c" })).await;
    assert_eq!(refused.errors(), [(format!("/{name}").as_str(), "unknown_field")]);
    assert!(refused.body["detail"].as_str().unwrap().len() < 300);
}
