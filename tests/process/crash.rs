use serde_json::{Value, json};
use sqlx::query_scalar;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{Database, eventually, program::Program, service::client};

#[tokio::test]
async fn after_a_kill_between_commit_and_response_a_retry_returns_the_one_order() {
    let database = Database::new().await;
    let body = json!({"customer_id": "customer-1", "items": [{"sku": "MOUSE456", "quantity": 2}]}).to_string();
    for (round, orders) in (1..=5).zip(1_i64..) {
        let key = format!("key-{round}");
        let service = Program::new().database(&database).start();
        let mut connection = TcpStream::connect(service.address()).await.unwrap();
        let head = format!(
            "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all((head + &body).as_bytes()).await.unwrap();
        // The client reads no response, so it cannot know whether the order was committed.
        let mut observer = database.connect().await;
        eventually("the order is committed", async || {
            let count: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
            (count == orders).then_some(())
        })
        .await;
        service.kill();

        let service = Program::new().database(&database).start();
        let request = client().post(format!("{}/orders", service.url));
        let request = request.header("idempotency-key", &key).header("content-type", "application/json");
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["idempotent-replayed"].to_str().unwrap()),
            (201, "true")
        );
        let order: Value = response.json().await.unwrap();
        assert_eq!(service.get("/orders?total=true").await["total_orders"], orders);
        assert_eq!(service.get(&format!("/orders/{}", order["order_id"].as_str().unwrap())).await, order);
    }
}
