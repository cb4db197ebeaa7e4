use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, Api, on_each_store};

on_each_store! {
    a_changed_quantity_changes_the_total,
    the_number_of_a_removed_line_is_not_used_again,
    an_order_is_placed_and_fulfilled,
    an_open_or_placed_order_is_cancelled_with_or_without_a_reason,
    an_action_that_the_order_does_not_allow_is_a_409_with_the_rule,
    an_order_lists_its_allowed_actions_and_the_reasons_against_the_others,
    an_unknown_line_is_a_404,
    invalid_values_are_listed_by_their_place_and_change_nothing,
    every_action_can_be_repeated_with_its_key,
    every_action_honours_if_match,
    parallel_place_and_cancel_are_applied_one_after_the_other,
}

async fn a_changed_quantity_changes_the_total(api: Api) {
    let path = api.order_path().await;
    let changed = api.patch(&format!("{path}/items/2"), &json!({"quantity": 5})).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"4\""));
    assert_eq!((&changed.body["units_count"], &changed.body["total_amount"]), (&json!(6), &json!("1149.94")));
    assert_eq!(changed.body["items"][1]["subtotal"], "149.95");
    assert_eq!(api.get(&path).await.body, changed.body);
}

async fn the_number_of_a_removed_line_is_not_used_again(api: Api) {
    let path = api.order_path().await;
    let changed = api.delete(&format!("{path}/items/1")).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"4\""));
    assert_eq!((&changed.body["items_count"], &changed.body["total_amount"]), (&json!(1), &json!("59.98")));
    api.delete(&format!("{path}/items/2")).await;
    let added = api.post(&format!("{path}/items"), &json!({"sku": "MOUSE456", "quantity": 1})).await;
    assert_eq!(added.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(added.body["items"][0]["line"], 3);
    assert_eq!(api.get(&path).await.body, added.body);
}

async fn an_order_is_placed_and_fulfilled(api: Api) {
    let path = api.order_path().await;
    let placed = api.post_nothing(&format!("{path}/place")).await;
    assert_eq!((placed.status.as_u16(), &placed.body["status"]), (200, &json!("placed")));
    assert_eq!(api.get("/orders?status=placed").await.body["orders"].as_array().unwrap().len(), 1);
    let fulfilled = api.post(&format!("{path}/fulfil"), &json!({})).await;
    assert_eq!((fulfilled.status.as_u16(), &fulfilled.body["status"]), (200, &json!("fulfilled")));
    assert_eq!(fulfilled.header("etag"), "\"5\"");
    assert_eq!(api.get(&path).await.body, fulfilled.body);
}

async fn an_open_or_placed_order_is_cancelled_with_or_without_a_reason(api: Api) {
    for (place, reason) in [(false, json!({"reason": "  Ordered twice "})), (true, json!({}))] {
        let path = api.order_path().await;
        if place {
            api.post_nothing(&format!("{path}/place")).await;
        }
        let cancelled = api.post(&format!("{path}/cancel"), &reason).await;
        assert_eq!((cancelled.status.as_u16(), &cancelled.body["status"]), (200, &json!("cancelled")));
        assert_eq!(cancelled.body["allowed_actions"], json!([]));
    }
    let path = api.order_path().await;
    assert_eq!(api.post_nothing(&format!("{path}/cancel")).await.status, 200);
}

async fn an_action_that_the_order_does_not_allow_is_a_409_with_the_rule(api: Api) {
    let empty = api.post("/orders", &json!({"customer_id": "c"})).await.body["order_id"].as_str().unwrap().to_owned();
    api.post_nothing(&format!("/orders/{empty}/place")).await.assert_problem(409, "order_empty");
    api.post_nothing(&format!("/orders/{empty}/fulfil")).await.assert_problem(409, "order_not_placed");

    let path = api.order_path().await;
    api.post_nothing(&format!("{path}/place")).await;
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    for refused in [
        api.post(&format!("{path}/items"), &item).await,
        api.patch(&format!("{path}/items/1"), &json!({"quantity": 5})).await,
        api.delete(&format!("{path}/items/1")).await,
        api.post_nothing(&format!("{path}/place")).await,
    ] {
        refused.assert_problem(409, "order_not_open");
        assert!(refused.body["detail"].as_str().unwrap().contains("placed"));
    }
    api.post_nothing(&format!("{path}/fulfil")).await;
    api.post_nothing(&format!("{path}/fulfil")).await.assert_problem(409, "order_not_placed");
    api.post_nothing(&format!("{path}/cancel")).await.assert_problem(409, "order_not_cancellable");
    assert_eq!(api.get(&path).await.body["version"], 5);
}

async fn an_order_lists_its_allowed_actions_and_the_reasons_against_the_others(api: Api) {
    let refused = |order: &Value| {
        let refused = order["disallowed_actions"].as_array().unwrap().iter();
        refused
            .map(|one| (one["action"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let pair = |action: &str, code: &str| (action.to_owned(), code.to_owned());
    let empty = api.post("/orders", &json!({"customer_id": "c"})).await.body;
    assert_eq!(empty["allowed_actions"], json!(["add_item", "cancel"]));
    assert_eq!(
        refused(&empty),
        [
            pair("change_quantity", "order_empty"),
            pair("remove_item", "order_empty"),
            pair("place", "order_empty"),
            pair("fulfil", "order_not_placed"),
        ]
    );
    let path = api.order_path().await;
    api.post_nothing(&format!("{path}/place")).await;
    let placed = api.get(&path).await.body;
    assert_eq!(placed["allowed_actions"], json!(["cancel", "fulfil"]));
    assert_eq!(refused(&placed)[3], pair("place", "order_not_open"));
    assert_eq!(
        placed["disallowed_actions"][0]["reason"],
        "The order is placed; it can be changed and placed only while it is open."
    );
    let listed = api.get("/orders?status=placed").await.body["orders"][0].clone();
    assert_eq!(listed["allowed_actions"], json!(["cancel", "fulfil"]));
}

async fn an_unknown_line_is_a_404(api: Api) {
    let path = api.order_path().await;
    for line in ["3", "2147483647"] {
        api.patch(&format!("{path}/items/{line}"), &json!({"quantity": 5})).await.assert_problem(404, "line_not_found");
        api.delete(&format!("{path}/items/{line}")).await.assert_problem(404, "line_not_found");
    }
    let nobody = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    for refused in [
        api.patch(&format!("{nobody}/items/1"), &json!({"quantity": 5})).await,
        api.delete(&format!("{nobody}/items/1")).await,
        api.post_nothing(&format!("{nobody}/place")).await,
        api.post_nothing(&format!("{nobody}/cancel")).await,
        api.post_nothing(&format!("{nobody}/fulfil")).await,
    ] {
        refused.assert_problem(404, "order_not_found");
    }
}

async fn invalid_values_are_listed_by_their_place_and_change_nothing(api: Api) {
    let path = api.order_path().await;
    for quantity in [json!(0), json!(1000), json!(-1)] {
        let refused = api.patch(&format!("{path}/items/1"), &json!({"quantity": quantity})).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(refused.errors(), [("/quantity", "invalid_quantity")]);
    }
    api.patch(&format!("{path}/items/1"), &json!({})).await.assert_problem(400, "invalid_body");
    api.patch(&format!("{path}/items/1"), &json!({"quantity": "2"})).await.assert_problem(400, "invalid_body");
    for line in ["0", "x", "-1", "01", "2147483648"] {
        let refused = api.delete(&format!("{path}/items/{line}")).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [("line", "invalid")]);
    }
    for reason in ["", "  ", "a\nb", &"x".repeat(501)] {
        let refused = api.post(&format!("{path}/cancel"), &json!({"reason": reason})).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(refused.errors(), [("/reason", "invalid_reason")]);
    }
    api.post(&format!("{path}/cancel"), &json!({"why": "x"})).await.assert_problem(400, "invalid_body");
    api.post(&format!("{path}/cancel"), &json!({"reason": null})).await.assert_problem(400, "invalid_body");
    api.post(&format!("{path}/place"), &json!({"now": true})).await.assert_problem(400, "invalid_body");
    api.post(&format!("{path}/fulfil"), &json!([])).await.assert_problem(400, "invalid_body");
    let form = api.request(Method::POST, &format!("{path}/place")).body("now=true");
    Answer::receive(form).await.assert_problem(415, "unsupported_media_type");
    api.post_nothing(&format!("{path}/place?now=true")).await.assert_problem(400, "invalid_parameter");
    assert_eq!(api.get(&path).await.body["version"], 3);
}

/// The actions of an order, in an order that is legal.
fn moves(path: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::PATCH, format!("{path}/items/1"), Some(json!({"quantity": 7}))),
        (Method::DELETE, format!("{path}/items/2"), None),
        (Method::POST, format!("{path}/place"), None),
        (Method::POST, format!("{path}/fulfil"), None),
    ]
}

async fn every_action_can_be_repeated_with_its_key(api: Api) {
    let path = api.order_path().await;
    let send = |(method, path, body): &(Method, String, Option<Value>), key: &str| {
        let request = api.request(method.clone(), path).header("idempotency-key", key);
        Answer::receive(match body {
            Some(body) => request.json(body),
            None => request,
        })
    };
    for next in moves(&path) {
        let first = send(&next, &next.1).await;
        assert_eq!(first.status, 200, "{first:?}");
        let again = send(&next, &next.1).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(api.get(&path).await.body["version"], 7);
    // The same body to another path is another request.
    let reused = (Method::POST, format!("{path}/cancel"), None);
    send(&reused, &format!("{path}/place")).await.assert_problem(422, "idempotency_key_reused");
}

async fn every_action_honours_if_match(api: Api) {
    let path = api.order_path().await;
    for (version, (method, path, body)) in (3..).zip(moves(&path)) {
        let send = |version: u32| {
            let request = api.request(method.clone(), &path).header("if-match", format!("\"{version}\""));
            Answer::receive(match &body {
                Some(body) => request.json(body),
                None => request,
            })
        };
        let refused = send(version - 1).await;
        refused.assert_problem(412, "precondition_failed");
        assert_eq!(refused.body["current_version"], version);
        assert_eq!(send(version).await.status, 200);
    }
}

async fn parallel_place_and_cancel_are_applied_one_after_the_other(api: Api) {
    for _ in 0..5 {
        let path = api.order_path().await;
        let (place, cancel) = (format!("{path}/place"), format!("{path}/cancel"));
        let answers = join_all([&place, &cancel, &place, &cancel].map(|path| api.post_nothing(path))).await;
        let applied = answers.iter().filter(|answer| answer.status == 200).count();
        let order = api.get(&path).await.body;
        // Either the order was placed and then cancelled, or only cancelled.
        assert_eq!((&order["status"], order["version"].as_u64().unwrap()), (&json!("cancelled"), 3 + applied as u64));
        assert!((1..=2).contains(&applied));
    }
}
