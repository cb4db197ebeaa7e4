//! The figures of orders, as a running service keeps them.

use serde_json::{Value, json};

use crate::support::{
    Database, eventually,
    program::Program,
    service::{Service, client},
};

async fn stats_at_head(service: &Service) -> Value {
    eventually("the figures reach the head", async || {
        let stats = service.get("/orders/stats").await;
        let sinks = service.get("/sinks/order_stats").await;
        (stats["as_of_position"] == sinks["head"]).then_some(stats)
    })
    .await
}

#[tokio::test]
async fn the_figures_follow_the_orders_and_can_be_built_anew_while_the_service_runs() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let mut paths = Vec::new();
    for _ in 0..3 {
        let order = service.create_order().await;
        paths.push(format!("{}/orders/{}", service.url, order["order_id"].as_str().unwrap()));
    }
    for action in ["place", "fulfil"] {
        let done = client().post(format!("{}/{action}", paths[0])).send().await.unwrap();
        assert_eq!(done.status(), 200);
    }
    assert_eq!(client().post(format!("{}/cancel", paths[1])).send().await.unwrap().status(), 200);
    let expected =
        |status: &str| json!({"status": status, "currency": "EUR", "orders": 1, "units": 3, "amount": "1059.97"});
    let totals = json!([expected("cancelled"), expected("fulfilled"), expected("open")]);
    assert_eq!(stats_at_head(&service).await["totals"], totals);
    let rebuilt = Program::new().database(&database).argument("rebuild").argument("stats").run();
    assert!(rebuilt.status.success() && rebuilt.stdout.contains("holds up to position 12"), "{}", rebuilt.output());
    assert_eq!(stats_at_head(&service).await["totals"], totals);
    service.create_order().await;
    assert_eq!(stats_at_head(&service).await["totals"][2]["orders"], 2);
    // A read model has one position that can be chosen: the one at which it is built anew.
    let move_to = async |position: u64| {
        let request =
            client().post(format!("{}/sinks/order_stats/move", service.url)).json(&json!({"position": position}));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(move_to(3).await, 422);
    assert_eq!(move_to(0).await, 200);
    assert_eq!(stats_at_head(&service).await["totals"][2]["orders"], 2);
    service.stop();
    let verified = Program::new().verify().database(&database).run();
    assert!(
        verified.status.success() && verified.stdout.contains("the figures are those of the orders"),
        "{}",
        verified.output()
    );
}
