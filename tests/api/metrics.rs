use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use crate::{
    helpers::{Answer, Api, on_each_store},
    support::Database,
};

on_each_store! {
    requests_are_counted_by_route_method_and_status,
    conflicts_and_replays_are_counted,
}

/// The value of each sample.
async fn metrics(api: &Api) -> BTreeMap<String, String> {
    let answer = api.get("/metrics").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    let samples = answer.body.as_str().unwrap().lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn number(metrics: &BTreeMap<String, String>, sample: &str) -> f64 {
    metrics[sample].parse().unwrap()
}

async fn requests_are_counted_by_route_method_and_status(api: Api) {
    let path = api.order_path().await;
    for _ in 0..3 {
        api.get(&path).await;
    }
    api.get("/orders/01890a5d-ac96-774b-bcce-b302099a8057").await;
    api.get("/nothing/secret-1").await;
    api.get("/app/nothing-2.js").await;
    Answer::receive(api.request(Method::from_bytes(b"BREW").unwrap(), "/orders")).await;
    let metrics = metrics(&api).await;
    let requests = |route: &str, method: &str, status: u16| {
        metrics
            .get(&format!("orders_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"))
            .map(String::as_str)
    };
    assert_eq!(requests("/orders", "POST", 201), Some("1"));
    assert_eq!(requests("/orders/{order_id}", "GET", 200), Some("3"));
    assert_eq!(requests("/orders/{order_id}", "GET", 404), Some("1"));
    assert_eq!(requests("unmatched", "GET", 404), Some("2"));
    assert_eq!(requests("/orders", "other", 405), Some("1"));
    assert_eq!(metrics["orders_http_request_duration_seconds_count{route=\"/orders/{order_id}\",method=\"GET\"}"], "4");
    assert_eq!(metrics["orders_ready"], "1");
    // No label has a part of a path that a client invented.
    for made_up in ["secret-1", "nothing-2", "01890a5d"] {
        assert!(metrics.keys().all(|sample| !sample.contains(made_up)), "{made_up}");
    }
}

async fn conflicts_and_replays_are_counted(api: Api) {
    let path = format!("{}/items", api.order_path().await);
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    for _ in 0..2 {
        Answer::receive(api.request(Method::POST, &path).header("idempotency-key", "k").json(&item)).await;
    }
    let writes = (0..16).map(|_| api.post(&path, &item));
    futures_util::future::join_all(writes).await;
    let metrics = metrics(&api).await;
    assert_eq!(metrics["orders_idempotent_replays_total"], "1");
    assert!(number(&metrics, "orders_conflicts_total") >= number(&metrics, "orders_retries_total"));
}

#[tokio::test]
async fn commits_events_streams_and_connections_are_counted() {
    let database = Database::new().await;
    let counted = orders::infra::Metrics::new("0", "test");
    let api = Api::builder().metrics(counted.clone()).start_on(database.store().with_metrics(&counted));
    let path = api.order_path().await;
    api.post_nothing(&format!("{path}/place")).await;
    let mut follower = api.follow("/events/stream").await;
    follower.block().await.unwrap();
    let metrics = metrics(&api).await;
    assert_eq!(metrics["orders_commits_total"], "2");
    assert_eq!(metrics["orders_commit_batch_size_bucket{le=\"1.0\"}"], "2");
    assert_eq!(metrics["orders_commit_wait_seconds_count"], "2");
    assert_eq!(metrics["orders_events_written_total{type=\"order.item_added.v1\"}"], "2");
    assert_eq!(metrics["orders_events_written_total{type=\"order.placed.v1\"}"], "1");
    assert_eq!(metrics["orders_event_streams"], "1");
    assert_eq!(metrics["orders_db_connections_max{pool=\"write\"}"], "4");
    assert!(number(&metrics, "orders_db_connections{pool=\"read\",state=\"idle\"}") >= 1.0);
    if cfg!(target_os = "linux") {
        assert!(number(&metrics, "process_resident_memory_bytes") > 1e6 && number(&metrics, "process_open_fds") > 3.0);
    }
}
