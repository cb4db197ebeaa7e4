//! The service while the database is down, and when it is back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, query_scalar};

use crate::{
    embedded::open_to_all,
    support::{
        PATIENCE, eventually, private_postgres,
        program::Program,
        service::{Service, client},
        url,
    },
};

/// How long the database is down: 5 s, or as many seconds as `ORDERS_OUTAGE_SECS` says.
fn outage() -> Duration {
    let seconds = std::env::var("ORDERS_OUTAGE_SECS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn during_an_outage_under_load_the_service_returns_503_and_afterwards_it_recovers_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let postgres = private_postgres(dir.path(), "orders", &[]).await;
    let database = url(postgres.options());
    let service = Program::new().database_url(&database).option("--db-acquire-timeout-ms", "500").start();
    let (done, acknowledged, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (done, acknowledged, refused) = (done.clone(), acknowledged.clone(), refused.clone());
            let url = format!("{}/orders", service.url);
            tokio::spawn(async move {
                let client = client();
                while !done.load(Ordering::SeqCst) {
                    let response = client.post(&url).json(&json!({"customer_id": "c"})).send().await.unwrap();
                    if response.status() == 201 {
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    assert_eq!(
                        (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
                        (503, "1")
                    );
                    let problem: Value = response.json().await.unwrap();
                    assert_eq!(problem["code"], "store_unavailable");
                    refused.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let more = async |what: &str, counter: &AtomicU64| {
        let before = counter.load(Ordering::SeqCst);
        eventually(what, async || (counter.load(Ordering::SeqCst) > before + 50).then_some(())).await;
    };
    more("the service creates orders", &acknowledged).await;
    let memory_before = memory(&service).await;

    assert!(tokio::task::spawn_blocking(|| postgres.stop(PATIENCE)).await.unwrap());
    let ready = format!("{}/health/ready", service.url);
    eventually("the service is not ready", async || {
        let response = client().get(&ready).send().await.unwrap();
        (response.status() == 503 && response.headers().contains_key("retry-after")).then_some(())
    })
    .await;
    // All clients keep sending requests during the outage.
    let down = tokio::time::Instant::now();
    while down.elapsed() < outage() {
        more("the service refuses requests", &refused).await;
    }
    assert_eq!(client().get(format!("{}/health/live", service.url)).send().await.unwrap().status(), 200);

    let postgres = private_postgres(dir.path(), "orders", &[]).await;
    let back = tokio::time::Instant::now();
    more("the service creates orders again", &acknowledged).await;
    println!("50 orders created within {:?} after the database was back", back.elapsed());
    eventually("the service is ready", async || {
        (client().get(&ready).send().await.unwrap().status() == 200).then_some(())
    })
    .await;
    done.store(true, Ordering::SeqCst);
    for written in join_all(writers).await {
        written.unwrap();
    }
    let growth = memory(&service).await.saturating_sub(memory_before);
    assert!(growth < 16 << 20, "the service uses {growth} bytes more than before");
    let mut connection = postgres.options().connect().await.unwrap();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut connection).await.unwrap();
    // The database may have stored an order of each client just before it stopped, without a response to the client.
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(
        (acknowledged..=acknowledged + 8).contains(&stored.cast_unsigned()),
        "{acknowledged} acknowledged, {stored} stored"
    );
    let verified = Program::new().verify().database_url(&database).run();
    assert!(verified.status.success(), "{verified:?}");
}

/// The resident memory of the service in bytes, from `/metrics`.
async fn memory(service: &Service) -> u64 {
    let text = client().get(format!("{}/metrics", service.url)).send().await.unwrap().text().await.unwrap();
    let sample = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
    sample.parse().unwrap()
}
