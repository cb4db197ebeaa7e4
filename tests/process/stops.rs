//! How the service stops on a signal.

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Postgres, Transaction, query_as, query_scalar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

use crate::support::{
    Database, eventually,
    program::Program,
    service::{Service, client},
};

/// Locks the row that every write needs, so that all writes wait until the transaction ends.
async fn block_writes(holder: &mut PgConnection) -> Transaction<'_, Postgres> {
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("select position from event_head for update").execute(&mut *lock).await.unwrap();
    lock
}

/// Waits until `block_writes` blocks a write.
async fn a_write_waits(observer: &mut PgConnection) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("a write waits for the lock", async || {
        let waits: i64 = query_scalar(waiting).fetch_one(&mut *observer).await.unwrap();
        (waits > 0).then_some(())
    })
    .await;
}

/// Sends requests that create orders while `block_writes` holds the lock. The tasks return the statuses.
async fn begin_orders(service: &Service, observer: &mut PgConnection, count: i64) -> Vec<JoinHandle<u16>> {
    let requests = (0..count)
        .map(|n| {
            let request = client().post(format!("{}/orders", service.url));
            let request = request.json(&json!({"customer_id": format!("customer-{n}")}));
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    a_write_waits(observer).await;
    requests
}

/// Waits until the service has accepted so many requests. Not all of them have reached the database yet.
async fn accepts(service: &Service, requests: u32) {
    // The request for the metrics counts too.
    let (metrics, in_flight) = (format!("{}/metrics", service.url), format!("requests_in_flight {}\n", requests + 1));
    eventually("the service has accepted all requests", async || {
        let text = client().get(&metrics).send().await.ok()?.text().await.ok()?;
        text.contains(&in_flight).then_some(())
    })
    .await;
}

/// Waits until the service closes its listener, the first step of a stop.
async fn stop_begins(service: &Service) {
    let ready = format!("{}/health/ready", service.url);
    eventually("the service accepts no connection", async || client().get(&ready).send().await.err()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_completes_every_accepted_request() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let lock = block_writes(&mut holder).await;
    let requests = begin_orders(&service, &mut observer, 20).await;
    accepts(&service, 20).await;
    service.signal("TERM");
    stop_begins(&service).await;
    lock.rollback().await.unwrap();

    let statuses: Vec<u16> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses, vec![201; 20]);
    service.ends_well();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
    assert_eq!(stored, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_completes_requests_that_need_several_transactions() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let lock = block_writes(&mut holder).await;
    let requests = begin_orders(&service, &mut observer, 400).await;
    accepts(&service, 400).await;
    service.signal("TERM");
    lock.rollback().await.unwrap();

    let statuses: Vec<u16> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses, vec![201; 400]);
    service.ends_well();
    let (stored, transactions): (i64, i64) =
        query_as("select count(*), count(distinct xmin::text) from orders").fetch_one(&mut observer).await.unwrap();
    assert_eq!(stored, 400);
    assert!((3..100).contains(&transactions), "{transactions} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_full_load_a_stop_loses_no_acknowledged_order() {
    stop_under_load(Load::Creates).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_full_load_with_keys_and_reads_a_stop_loses_no_acknowledged_order() {
    stop_under_load(Load::CreatesWithKeysAndReads).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Creates,
    /// Each order has an idempotency key, and the client reads it after it created it.
    CreatesWithKeysAndReads,
}

async fn stop_under_load(load: Load) {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let url = format!("{}/orders", service.url);
            tokio::spawn(async move {
                let (client, mut acknowledged) = (client(), 0);
                // Until the service closes the connection.
                loop {
                    let mut create = client.post(&url).json(&json!({"customer_id": "c"}));
                    if load == Load::CreatesWithKeysAndReads {
                        create = create.header("idempotency-key", format!("\"{writer}-{acknowledged}\""));
                    }
                    let Ok(response) = create.send().await else { break };
                    assert_eq!(response.status(), 201);
                    let order: Value = response.json().await.unwrap();
                    acknowledged += 1;
                    if load == Load::CreatesWithKeysAndReads {
                        let id = order["order_id"].as_str().unwrap();
                        let Ok(response) = client.get(format!("{url}/{id}")).send().await else { break };
                        assert_eq!(response.status(), 200);
                    }
                }
                acknowledged
            })
        })
        .collect();
    let mut observer = database.connect().await;
    eventually("the service is under load", async || {
        let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
        (stored > 200).then_some(())
    })
    .await;
    service.signal("TERM");
    let acknowledged: i64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    service.ends_well();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
    // If the connection closes while a request is in flight, the client cannot know whether its order was stored.
    assert!((acknowledged..=acknowledged + 16).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_service_immediately() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let lock = block_writes(&mut holder).await;
    let _waiting = tokio::spawn({
        let request = client().post(format!("{}/orders", service.url)).json(&json!({"customer_id": "c"}));
        async move { request.send().await }
    });
    a_write_waits(&mut observer).await;
    service.signal("TERM");
    stop_begins(&service).await;
    service.signal("TERM");
    // The request still waits.
    let (status, _) = service.ends_in_time();
    assert_eq!(status.code(), Some(130));
    lock.rollback().await.unwrap();
}

#[tokio::test]
async fn slow_clients_do_not_delay_a_stop() {
    let service = Program::new().in_memory().start();

    // One client never completes its head, one never completes its body, and one never reads its stream.
    let head = "POST /orders HTTP/1.1\r\nhost: localhost\r\n";
    let body = format!("{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{");
    let mut slow = Vec::new();
    for request in [head, &body, "GET /events/stream HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut connection = TcpStream::connect(service.address()).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        slow.push(connection);
    }
    // The stream has begun. The requests before it have begun too.
    slow[2].read_u8().await.unwrap();
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success(), "{log}");
}
