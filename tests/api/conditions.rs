use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::helpers::{Answer, Api, on_each_store};

on_each_store! {
    a_read_of_a_known_version_is_a_304,
    a_write_for_another_version_is_a_412_with_the_current_version,
    a_write_that_excludes_the_version_is_a_412_with_the_current_version,
    a_read_of_another_version_is_a_412,
    of_parallel_writes_for_one_version_one_succeeds,
    parallel_writes_without_a_condition_all_succeed,
    malformed_entity_tags_are_refused,
}

async fn a_read_of_a_known_version_is_a_304(api: Api) {
    let path = format!("/orders/{}", api.order().await["order_id"].as_str().unwrap());
    let read = |tags: &'static str| Answer::receive(api.request(Method::GET, &path).header("if-none-match", tags));
    for known in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
        let answer = read(known).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("etag"), answer.body.as_str()),
            (304, "\"3\"", Some("")),
            "{known}"
        );
    }
    for unknown in ["\"2\"", "\"03\"", "\"abc\"", ""] {
        assert_eq!(read(unknown).await.status, 200, "{unknown}");
    }
}

async fn a_write_for_another_version_is_a_412_with_the_current_version(api: Api) {
    let path = format!("/orders/{}/items", api.order().await["order_id"].as_str().unwrap());
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let write =
        |tags: &'static str| Answer::receive(api.request(Method::POST, &path).header("if-match", tags).json(&item));
    for other in ["\"2\"", "W/\"3\"", "\"abc\"", "\"1\", \"2\""] {
        let refused = write(other).await;
        refused.assert_problem(412, "precondition_failed");
        assert_eq!((&refused.body["current_version"], refused.header("etag")), (&json!(3), "\"3\""), "{other}");
    }
    assert_eq!(write("\"3\"").await.header("etag"), "\"4\"");
    assert_eq!(write("\"3\", \"4\"").await.header("etag"), "\"5\"");
    assert_eq!(write("*").await.header("etag"), "\"6\"");
    assert_eq!(write(", \"1\",,\"6\",").await.header("etag"), "\"7\"");
    // A collection has no version.
    let create = |tags: &'static str| {
        let request = api.request(Method::POST, "/orders").header("if-match", tags);
        Answer::receive(request.json(&json!({"customer_id": "c"})))
    };
    create("\"1\"").await.assert_problem(412, "precondition_failed");
    assert_eq!(create("*").await.status, 201);
}

async fn a_write_that_excludes_the_version_is_a_412_with_the_current_version(api: Api) {
    let path = api.order_path().await;
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    for known in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
        for (method, path) in [
            (Method::POST, format!("{path}/items")),
            (Method::PATCH, format!("{path}/items/1")),
            (Method::DELETE, format!("{path}/items/1")),
            (Method::POST, format!("{path}/place")),
        ] {
            let request = api.request(method.clone(), &path).header("if-none-match", known);
            let body = match method {
                Method::PATCH => json!({"quantity": 2}),
                _ if path.ends_with("items") => item.clone(),
                _ => json!({}),
            };
            let refused = Answer::receive(request.json(&body)).await;
            refused.assert_problem(412, "precondition_failed");
            assert_eq!((&refused.body["current_version"], refused.header("etag")), (&json!(3), "\"3\""), "{known}");
        }
    }
    let write = |path: String, tags: &'static str| {
        Answer::receive(api.request(Method::POST, &path).header("if-none-match", tags).json(&item))
    };
    assert_eq!(write(format!("{path}/items"), "\"2\"").await.header("etag"), "\"4\"");
    let nobody = "/orders/01890a5d-ac96-774b-bcce-b302099a8057/items";
    write(nobody.to_owned(), "*").await.assert_problem(404, "order_not_found");
    // A collection exists, and has no entity tag.
    for (tags, status) in [("*", 412), ("\"1\"", 201)] {
        let request = api.request(Method::POST, "/orders").header("if-none-match", tags);
        assert_eq!(Answer::receive(request.json(&json!({"customer_id": "c"}))).await.status, status, "{tags}");
    }
}

async fn a_read_of_another_version_is_a_412(api: Api) {
    let path = api.order_path().await;
    let read =
        |path: String, tags: &'static str| Answer::receive(api.request(Method::GET, &path).header("if-match", tags));
    for other in ["\"2\"", "W/\"3\"", "\"abc\""] {
        let refused = read(path.clone(), other).await;
        refused.assert_problem(412, "precondition_failed");
        assert_eq!((&refused.body["current_version"], refused.header("etag")), (&json!(3), "\"3\""), "{other}");
    }
    for same in ["\"3\"", "\"1\", \"3\"", "*", ""] {
        assert_eq!(read(path.clone(), same).await.status, 200, "{same}");
    }
    assert_eq!(read(format!("{path}?as_of=2"), "\"2\"").await.body["version"], 2);
    // These have no entity tag.
    for untagged in ["/orders", "/events", "/products", "/health/live", &format!("{path}/events")] {
        read(untagged.to_owned(), "\"3\"").await.assert_problem(412, "precondition_failed");
        read(untagged.to_owned(), "3").await.assert_problem(400, "invalid_parameter");
        assert_eq!(read(untagged.to_owned(), "*").await.status, 200);
    }
}

async fn of_parallel_writes_for_one_version_one_succeeds(api: Api) {
    let path = format!("/orders/{}/items", api.order().await["order_id"].as_str().unwrap());
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let write = || Answer::receive(api.request(Method::POST, &path).header("if-match", "\"3\"").json(&item));
    let answers = join_all((0..16).map(|_| write())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.assert_problem(412, "precondition_failed");
        assert_eq!(refused.body["current_version"], 4);
    }
}

async fn parallel_writes_without_a_condition_all_succeed(api: Api) {
    let path = format!("/orders/{}/items", api.order().await["order_id"].as_str().unwrap());
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    let answers = join_all((0..40).map(|_| api.post(&path, &item))).await;
    let mut versions: Vec<u64> = answers.iter().map(|answer| answer.body["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (4..=43).collect::<Vec<_>>());
}

async fn malformed_entity_tags_are_refused(api: Api) {
    let path = format!("/orders/{}", api.order().await["order_id"].as_str().unwrap());
    for malformed in ["3", "\"3", "\"3\" \"4\"", "w/\"3\"", "\"3\";"] {
        let read = api.request(Method::GET, &path).header("if-none-match", malformed);
        Answer::receive(read).await.assert_problem(400, "invalid_parameter");
        // The other condition fails, but a malformed header is refused first.
        let both = api.request(Method::GET, &path).header("if-none-match", malformed).header("if-match", "\"99\"");
        Answer::receive(both).await.assert_problem(400, "invalid_parameter");
        let write = api.request(Method::POST, &format!("{path}/items")).header("if-match", malformed);
        let refused = Answer::receive(write.json(&json!({"sku": "MOUSE456", "quantity": 1}))).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [("if-match", "invalid")]);
    }
    let any_and_one = api.request(Method::GET, &path).header("if-match", "*").header("if-match", "\"1\"");
    Answer::receive(any_and_one).await.assert_problem(400, "invalid_parameter");
}
