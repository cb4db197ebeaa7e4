//! The figures of orders. On PostgreSQL, `tests/process/stats.rs` tests them with the projection that keeps them.

use serde_json::json;

use crate::helpers::Api;

#[tokio::test]
async fn the_figures_are_by_day_status_and_currency_with_totals() {
    let api = Api::in_memory();
    let empty = api.get("/orders/stats").await;
    assert_eq!(empty.status, 200);
    assert_eq!(
        (&empty.body["days"], &empty.body["totals"], &empty.body["time_zone"]),
        (&json!([]), &json!([]), &json!("UTC"))
    );
    let placed = api.order_path().await;
    api.order().await;
    api.order().await;
    assert_eq!(api.post_nothing(&format!("{placed}/place")).await.status, 200);
    let stats = api.get("/orders/stats?time_zone=Europe/Berlin").await;
    assert_eq!(stats.body["as_of_position"], 10);
    let sums = stats.body["totals"].as_array().unwrap();
    assert_eq!((stats.status.as_u16(), sums.len()), (200, 2));
    let list = api.get("/orders?status=open").await;
    let open = &sums[0];
    assert_eq!((&open["status"], &open["currency"], &open["orders"]), (&json!("open"), &json!("EUR"), &json!(2)));
    let units: u64 =
        list.body["orders"].as_array().unwrap().iter().map(|order| order["units_count"].as_u64().unwrap()).sum();
    assert_eq!(open["units"], units);
    let one = list.body["orders"][0]["total_amount"].as_str().unwrap();
    let twice = format!("{:.2}", 2.0 * one.parse::<f64>().unwrap());
    assert_eq!(open["amount"], twice);
    assert_eq!((&sums[1]["status"], &sums[1]["amount"]), (&json!("placed"), &json!(one)));
    let only = api.get("/orders/stats?status=placed&currency=EUR").await;
    assert_eq!(only.body["totals"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/orders/stats?currency=USD").await.body["totals"], json!([]));
}

#[tokio::test]
async fn the_days_are_those_of_the_time_zone_and_of_the_range() {
    let api = Api::in_memory();
    let range = async |query: &str| {
        let stats = api.get(&format!("/orders/stats?{query}")).await;
        assert_eq!(stats.status, 200, "{query}: {}", stats.body);
        (stats.body["from"].as_str().unwrap().to_owned(), stats.body["to"].as_str().unwrap().to_owned())
    };
    assert_eq!(range("from=2026-03-29&to=2026-03-29&time_zone=Europe/Berlin").await.0, "2026-03-29");
    let (from, to) = range("to=2026-03-01").await;
    assert_eq!((from.as_str(), to.as_str()), ("2026-01-31", "2026-03-01"));
    range("from=2024-01-01&to=2024-12-31").await;
    // A day that begins at 01:00, because clocks change at midnight.
    range("from=2018-11-04&to=2018-11-04&time_zone=America/Sao_Paulo").await;
    for (query, parameter) in [
        ("from=2026-02-30", "from"),
        ("from=today", "from"),
        ("to=2026-1-1", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2024-01-01&to=2025-01-01", "from"),
        ("time_zone=Europe/Nowhere", "time_zone"),
        ("time_zone=%00", "time_zone"),
        ("status=lost", "status"),
        ("currency=eur-o", "currency"),
        ("day=2026-01-01", "day"),
    ] {
        let refused = api.get(&format!("/orders/stats?{query}")).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter, "{query}: {}", refused.body);
    }
}
