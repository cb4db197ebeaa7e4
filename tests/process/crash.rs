use serde_json::{Value, json};
use sqlx::query_scalar;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{Database, eventually, program::Program, service::client};

#[tokio::test]
async fn a_service_that_is_killed_between_commit_and_answer_makes_one_order_of_a_request_and_its_retry() {
    let database = Database::new().await;
    let body = json!({"customer_id": "customer-1", "items": [{"sku": "MOUSE456", "quantity": 2}]}).to_string();
    for (round, orders) in (1..=5).zip(1_i64..) {
        let key = format!("key-{round}");
        let service = Program::new().database(&database).start();
        let mut connection = TcpStream::connect(service.address()).await.unwrap();
        let head = format!(
            "POST /orders HTTP/1.1\r\nhost: orders\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all((head + &body).as_bytes()).await.unwrap();
        // Committed: whether an answer is under way or not, nobody reads it.
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
        let answer = request.body(body.clone()).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["idempotent-replayed"].to_str().unwrap()),
            (201, "true")
        );
        let order: Value = answer.json().await.unwrap();
        assert_eq!(service.get("/orders?total=true").await["total_orders"], orders);
        assert_eq!(service.get(&format!("/orders/{}", order["order_id"].as_str().unwrap())).await, order);
    }
}
