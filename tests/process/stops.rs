//! How the service ends when it is told to.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, query_as, query_scalar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Database, eventually,
    program::Program,
    service::{Service, client},
};

/// What everyone may wait for a service to end.
const PROMISED: Duration = Duration::from_secs(10);

/// Orders that are under way: their writes wait for a lock that the test has.
async fn begin_orders(service: &Service, observer: &mut PgConnection, count: i64) -> Vec<tokio::task::JoinHandle<u16>> {
    let requests = (0..count)
        .map(|n| {
            let request = client().post(format!("{}/orders", service.url));
            let request = request.json(&json!({"customer_id": format!("customer-{n}")}));
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("writes wait for the lock", async || {
        let waits: i64 = query_scalar(waiting).fetch_one(&mut *observer).await.unwrap();
        (waits > 0).then_some(())
    })
    .await;
    requests
}

/// Not all of them have got to the database yet; all were accepted, as the one that asks here.
async fn all_accepted(service: &Service, requests: u32) {
    let (metrics, in_flight) = (format!("{}/metrics", service.url), format!("requests_in_flight {}\n", requests + 1));
    eventually("all are accepted", async || {
        let text = client().get(&metrics).send().await.ok()?.text().await.ok()?;
        text.contains(&in_flight).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_every_request_that_was_accepted_and_loses_none() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("select position from event_head for update").execute(&mut *lock).await.unwrap();
    let requests = begin_orders(&service, &mut observer, 20).await;
    all_accepted(&service, 20).await;
    service.signal("TERM");
    let ready = format!("{}/health/ready", service.url);
    eventually("it takes no more connections", async || client().get(&ready).send().await.err()).await;
    lock.rollback().await.unwrap();

    let statuses: Vec<u16> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses, vec![201; 20]);
    service.ends_well();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
    assert_eq!(stored, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_writes_what_waits_for_more_than_one_transaction() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("select position from event_head for update").execute(&mut *lock).await.unwrap();
    let requests = begin_orders(&service, &mut observer, 400).await;
    all_accepted(&service, 400).await;
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
    stop_under_load(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_full_load_of_keys_and_reads_a_stop_loses_no_acknowledged_order() {
    stop_under_load(true).await;
}

/// With look-ups: each order has a key, and is read when it is there.
async fn stop_under_load(with_look_ups: bool) {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let url = format!("{}/orders", service.url);
            tokio::spawn(async move {
                let (client, mut acknowledged) = (client(), 0);
                // Until the service takes no more.
                loop {
                    let mut create = client.post(&url).json(&json!({"customer_id": "c"}));
                    if with_look_ups {
                        create = create.header("idempotency-key", format!("\"{writer}-{acknowledged}\""));
                    }
                    let Ok(answer) = create.send().await else { break };
                    assert_eq!(answer.status(), 201);
                    let order: Value = answer.json().await.unwrap();
                    acknowledged += 1;
                    if with_look_ups {
                        let id = order["order_id"].as_str().unwrap();
                        let Ok(answer) = client.get(format!("{url}/{id}")).send().await else { break };
                        assert_eq!(answer.status(), 200);
                    }
                }
                acknowledged
            })
        })
        .collect();
    let mut observer = database.connect().await;
    eventually("there is a load", async || {
        let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
        (stored > 200).then_some(())
    })
    .await;
    service.signal("TERM");
    let acknowledged: i64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    service.ends_well();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut observer).await.unwrap();
    // Of a connection that is closed while a request is on its way, the client cannot know.
    assert!((acknowledged..=acknowledged + 16).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    let (mut holder, mut observer) = (database.connect().await, database.connect().await);
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("select position from event_head for update").execute(&mut *lock).await.unwrap();
    let _waiting = tokio::spawn({
        let request = client().post(format!("{}/orders", service.url)).json(&json!({"customer_id": "c"}));
        async move { request.send().await }
    });
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the write waits", async || {
        let waits: i64 = query_scalar(waiting).fetch_one(&mut observer).await.unwrap();
        (waits > 0).then_some(())
    })
    .await;
    service.signal("TERM");
    let ready = format!("{}/health/ready", service.url);
    eventually("it is stopping", async || client().get(&ready).send().await.err()).await;
    service.signal("TERM");
    // While the request still waits.
    let (status, _) = service.wait_within(PROMISED);
    assert_eq!(status.code(), Some(130));
    lock.rollback().await.unwrap();
}

#[tokio::test]
async fn slow_clients_cannot_hold_a_stop_up() {
    let service = Program::new().in_memory().start();

    // One that never ends its head, one that never ends its body, and one that follows and never reads.
    let head = "POST /orders HTTP/1.1\r\nhost: orders\r\n";
    let body = format!("{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{");
    let mut slow = Vec::new();
    for request in [head, &body, "GET /events/stream HTTP/1.1\r\nhost: orders\r\n\r\n"] {
        let mut connection = TcpStream::connect(service.address()).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        slow.push(connection);
    }
    // The stream has begun, and so has what was sent before it.
    slow[2].read_u8().await.unwrap();
    service.signal("TERM");
    let (status, log) = service.wait_within(PROMISED);
    assert!(status.success(), "{log}");
}
