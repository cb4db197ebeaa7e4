use serde_json::{Value, json};

use crate::helpers::{Api, on_each_store};

on_each_store! {
    the_list_shows_summaries_newest_first,
    cursors_lead_through_every_order_once,
    a_cursor_is_good_only_for_the_list_that_gave_it,
}

async fn the_list_shows_summaries_newest_first(api: Api) {
    let (first, second) = (api.order().await, api.order().await);
    let page = api.get("/orders").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body["next_cursor"], Value::Null);
    let summary = |order: &Value| {
        let mut summary = order.clone();
        summary.as_object_mut().unwrap().remove("items");
        summary
    };
    assert_eq!(page.body["orders"], json!([summary(&second), summary(&first)]));
}

async fn cursors_lead_through_every_order_once(api: Api) {
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

async fn a_cursor_is_good_only_for_the_list_that_gave_it(api: Api) {
    api.order().await;
    api.order().await;
    let page = api.get("/orders?limit=1").await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    assert_eq!(api.get(&format!("/orders?limit=2&cursor={cursor}")).await.status, 200);
    api.get(&format!("/orders?status=open&cursor={cursor}")).await.assert_problem(400, "invalid_cursor");
    for wrong in ["x", "", "AAAA", &cursor[1..], &format!("{cursor}A")] {
        api.get(&format!("/orders?cursor={wrong}")).await.assert_problem(400, "invalid_cursor");
    }
}
