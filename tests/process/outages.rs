//! What happens while the database is away, and when it comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use orders::infra::EmbeddedPostgres;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, query_scalar};

use crate::{
    embedded::open_to_all,
    support::{
        eventually,
        program::Program,
        service::{Service, client},
        url,
    },
};

/// How long the database is away, in seconds; `ORDERS_OUTAGE_SECS` makes it longer.
fn outage() -> Duration {
    let seconds = std::env::var("ORDERS_OUTAGE_SECS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_under_load_is_answered_with_503_and_comes_back_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let postgres = EmbeddedPostgres::start(dir.path(), "orders", &[]).await.unwrap();
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
                    let answer = client.post(&url).json(&json!({"customer_id": "c"})).send().await.unwrap();
                    if answer.status() == 201 {
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    assert_eq!(
                        (answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()),
                        (503, "1")
                    );
                    let problem: Value = answer.json().await.unwrap();
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
    more("orders are taken", &acknowledged).await;
    let memory = memory(&service).await;

    tokio::task::spawn_blocking(|| postgres.stop()).await.unwrap().unwrap();
    let ready = format!("{}/health/ready", service.url);
    eventually("it is not ready", async || {
        let answer = client().get(&ready).send().await.unwrap();
        (answer.status() == 503 && answer.headers().contains_key("retry-after")).then_some(())
    })
    .await;
    // Away for a while, with everybody asking.
    let away = tokio::time::Instant::now();
    while away.elapsed() < outage() {
        more("requests are refused", &refused).await;
    }
    assert_eq!(client().get(format!("{}/health/live", service.url)).send().await.unwrap().status(), 200);

    let postgres = EmbeddedPostgres::start(dir.path(), "orders", &[]).await.unwrap();
    let back = tokio::time::Instant::now();
    more("orders are taken again", &acknowledged).await;
    println!("50 orders taken {:?} after the database was back", back.elapsed());
    eventually("it is ready", async || (client().get(&ready).send().await.unwrap().status() == 200).then_some(()))
        .await;
    done.store(true, Ordering::SeqCst);
    for written in join_all(writers).await {
        written.unwrap();
    }
    let grown = self::memory(&service).await.saturating_sub(memory);
    assert!(grown < 16 << 20, "the service has {grown} bytes more than before");
    let mut connection = postgres.options().connect().await.unwrap();
    let stored: i64 = query_scalar("select count(*) from orders").fetch_one(&mut connection).await.unwrap();
    // What was written and not answered, because the database went away in the middle, is there too.
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(
        (acknowledged..=acknowledged + 8).contains(&stored.cast_unsigned()),
        "{acknowledged} acknowledged, {stored} stored"
    );
    let verified = Program::new().verify().database_url(&database).run();
    assert!(verified.status.success(), "{verified:?}");
}

/// What `/metrics` says of the memory, in bytes.
async fn memory(service: &Service) -> u64 {
    let text = client().get(format!("{}/metrics", service.url)).send().await.unwrap().text().await.unwrap();
    let sample = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
    sample.parse().unwrap()
}
