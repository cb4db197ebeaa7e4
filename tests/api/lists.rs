use serde_json::{Value, json};

use crate::helpers::{Api, on_each_store};

on_each_store! {
    the_list_shows_summaries_newest_first,
    cursors_visit_every_order_once,
    a_cursor_is_valid_only_for_the_same_filters,
    filters_narrow_the_list_and_its_total,
    the_link_header_leads_to_the_first_and_the_next_page,
}

async fn the_list_shows_summaries_newest_first(api: Api) {
    let (first, second) = (api.order().await, api.order().await);
    let page = api.get("/orders").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body["next_cursor"], Value::Null);
    let summary = |order: &Value| {
        let mut summary = order.clone();
        // A summary has the allowed actions; only the whole order has the reasons against the others.
        for only_of_the_whole in ["items", "disallowed_actions"] {
            summary.as_object_mut().unwrap().remove(only_of_the_whole).unwrap();
        }
        summary
    };
    assert_eq!(page.body["orders"], json!([summary(&second), summary(&first)]));
}

async fn cursors_visit_every_order_once(api: Api) {
    let mut created = Vec::new();
    for _ in 0..7 {
        created.insert(0, api.order().await["order_id"].clone());
    }
    let mut seen = Vec::new();
    let mut path = "/orders?limit=3".to_owned();
    loop {
        let page = api.get(&path).await;
        seen.extend(page.body["orders"].as_array().unwrap().iter().map(|order| order["order_id"].clone()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/orders?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, created);
}

async fn a_cursor_is_valid_only_for_the_same_filters(api: Api) {
    api.order().await;
    api.order().await;
    let page = api.get("/orders?limit=1").await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    assert_eq!(api.get(&format!("/orders?limit=2&cursor={cursor}")).await.status, 200);
    api.get(&format!("/orders?status=open&cursor={cursor}")).await.assert_problem(400, "invalid_cursor");
    for wrong in ["x", "AAAA", &cursor[1..], &format!("{cursor}A")] {
        api.get(&format!("/orders?cursor={wrong}")).await.assert_problem(400, "invalid_cursor");
    }
}

async fn filters_narrow_the_list_and_its_total(api: Api) {
    let mut orders = Vec::new();
    for customer in ["a", "b", "a", "a&b=c"] {
        orders.push(api.post("/orders", &json!({"customer_id": customer})).await.body);
    }
    let at = |n: usize| orders[n]["created_at"].as_str().unwrap();
    let ids = |page: &Value| {
        page["orders"].as_array().unwrap().iter().map(|order| order["order_id"].clone()).collect::<Vec<_>>()
    };
    let id = |n: usize| orders[n]["order_id"].clone();
    for (query, expected) in [
        ("customer_id=a".to_owned(), vec![id(2), id(0)]),
        ("customer_id=a%26b%3Dc".to_owned(), vec![id(3)]),
        ("status=open".to_owned(), vec![id(3), id(2), id(1), id(0)]),
        ("status=placed".to_owned(), vec![]),
        (format!("created_from={}", at(2)), vec![id(3), id(2)]),
        (format!("created_to={}", at(2)), vec![id(1), id(0)]),
        (format!("created_from={}&created_to={}&customer_id=a&status=open", at(1), at(3)), vec![id(2)]),
        // The same time with another offset.
        (format!("created_from={}", at(2).replace('Z', "%2B00:00")), vec![id(3), id(2)]),
    ] {
        let page = api.get(&format!("/orders?total=true&{query}")).await;
        assert_eq!(
            (ids(&page.body), &page.body["total_orders"]),
            (expected.clone(), &json!(expected.len())),
            "{query}"
        );
    }
    assert_eq!(api.get("/orders?total=false").await.body.get("total_orders"), None);
    assert_eq!(api.get("/orders?total=true&limit=1").await.body["total_orders"], 4);
}

async fn the_link_header_leads_to_the_first_and_the_next_page(api: Api) {
    for _ in 0..3 {
        api.post("/orders", &json!({"customer_id": "a&b <c>"})).await;
    }
    let target = |link: &str, relation: &str| {
        let found = link.split(", ").find(|part| part.ends_with(&format!("rel=\"{relation}\"")))?;
        Some(found.split_once('<')?.1.split_once('>')?.0.to_owned())
    };
    let first = api.get("/orders?limit=2&customer_id=a%26b+%3Cc%3E").await;
    let next = api.get(&target(first.header("link"), "next").unwrap()).await;
    assert_eq!((first.body["orders"].as_array().unwrap().len(), next.body["orders"].as_array().unwrap().len()), (2, 1));
    assert_eq!(target(next.header("link"), "next"), None);
    assert_eq!(api.get(&target(next.header("link"), "first").unwrap()).await.body, first.body);
}
