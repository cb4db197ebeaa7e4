//! Kills, restores, and `orders verify`: no acknowledged order is lost, and no damage stays unseen.

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions, query_scalar};
use tokio::task::{LocalSet, spawn_local};

use crate::{
    embedded::open_to_all,
    support::{Database, eventually, private_postgres, program::Program, service::client, url},
};

/// The state that the writers and the follower share while the test kills processes.
#[derive(Default)]
struct Load {
    /// The URL of the running service.
    service: Mutex<String>,
    /// The orders that the service acknowledged with a 201.
    acknowledged: Mutex<Vec<String>>,
    /// Asks the writers to end.
    stop: AtomicBool,
    /// The writers have ended.
    has_ended: AtomicBool,
}

impl Load {
    fn url(&self) -> String {
        self.service.lock().unwrap().clone()
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }
}

#[tokio::test]
async fn kills_of_the_service_and_of_postgresql_neither_lose_nor_duplicate_an_acknowledged_order() {
    LocalSet::new().run_until(kill_services_and_sessions()).await;
}

async fn kill_services_and_sessions() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    // Slow commits let the test kill a session in the middle of one.
    let slow_commits = ["commit_delay=20000", "commit_siblings=0"];
    let postgres = private_postgres(dir.path(), "orders", &slow_commits).await;
    let database = url(postgres.options());
    let program = Program::new().database_url(&database);
    let mut service = program.start();
    let load = Arc::new(Load::default());
    load.service.lock().unwrap().clone_from(&service.url);
    let writers: Vec<_> = (0..12).map(|n| spawn_local(write(load.clone(), n))).collect();
    let follower = spawn_local(follow(load.clone()));

    for round in 0..6 {
        let before = load.acknowledged();
        eventually("the service creates orders", async || (load.acknowledged() > before + 20).then_some(())).await;
        if round % 3 == 2 {
            session_that_commits(postgres.options()).await;
            service.kill();
            service = program.start();
            load.service.lock().unwrap().clone_from(&service.url);
        } else {
            kill_a_session_that_commits(postgres.options()).await;
        }
    }
    let before = load.acknowledged();
    eventually("the service creates orders", async || (load.acknowledged() > before + 20).then_some(())).await;
    load.stop.store(true, Ordering::SeqCst);
    for written in join_all(writers).await {
        written.unwrap();
    }
    load.has_ended.store(true, Ordering::SeqCst);
    let position = follower.await.unwrap();

    let mut acknowledged = load.acknowledged.lock().unwrap().clone();
    acknowledged.sort();
    let mut connection = postgres.options().connect().await.unwrap();
    let stored: Vec<String> =
        query_scalar("select order_id::text from orders order by 1").fetch_all(&mut connection).await.unwrap();
    assert_eq!(stored, acknowledged);
    let head: i64 = query_scalar("select position from event_head").fetch_one(&mut connection).await.unwrap();
    assert_eq!(position, head);
    assert_clean(&database);
}

/// Creates orders one after the other. Each has its own idempotency key, and the writer retries until a response arrives.
async fn write(load: Arc<Load>, writer: usize) {
    let client = client();
    let body = json!({"customer_id": "c", "items": [{"sku": "MOUSE456", "quantity": 1}]});
    for n in 0.. {
        if load.stop.load(Ordering::SeqCst) {
            return;
        }
        let id = eventually("the service creates the order", async || {
            let request =
                client.post(format!("{}/orders", load.url())).header("idempotency-key", format!("{writer}-{n}"));
            // A lost connection, also in the middle of a response, leads to a retry.
            let response = request.json(&body).send().await.ok()?;
            let status = response.status();
            assert!(status == 201 || status == 503, "{status}: {:?}", response.text().await);
            let order: Value = if status == 201 { response.json().await.ok()? } else { return None };
            Some(order["order_id"].as_str().unwrap().to_owned())
        })
        .await;
        load.acknowledged.lock().unwrap().push(id);
    }
}

/// Follows the feed from its beginning until the writers have ended and no event is left. Asserts that no position is
/// missing, and returns the last one.
async fn follow(load: Arc<Load>) -> i64 {
    let client = client();
    let mut position = 0;
    loop {
        let has_ended = load.has_ended.load(Ordering::SeqCst);
        let page = eventually("the feed returns a page", async || {
            let response =
                client.get(format!("{}/events?after={position}&limit=1000", load.url())).send().await.ok()?;
            let status = response.status();
            assert!(status == 200 || status == 503, "{status}");
            if status == 200 { response.json::<Vec<Value>>().await.ok() } else { None }
        })
        .await;
        for event in &page {
            position += 1;
            assert_eq!(event["sequence"], format!("{position:019}"));
        }
        if has_ended && page.is_empty() {
            return position;
        }
    }
}

/// Kills a session in the middle of its COMMIT. PostgreSQL then ends all sessions and recovers.
async fn kill_a_session_that_commits(options: &PgConnectOptions) {
    let pid = session_that_commits(options).await;
    assert!(Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
}

/// Waits for a session in the middle of its COMMIT, and returns its process id.
async fn session_that_commits(options: &PgConnectOptions) -> i32 {
    let mut observer: Option<PgConnection> = None;
    eventually("a session commits", async || {
        if observer.is_none() {
            observer = options.connect().await.ok();
        }
        let committing = "select pid from pg_stat_activity where state = 'active' and query = 'COMMIT' limit 1";
        query_scalar(committing).fetch_optional(observer.as_mut()?).await.ok()?
    })
    .await
}

/// Asserts that `orders verify` finds nothing wrong.
fn assert_clean(database: &str) {
    let verified = Program::new().verify().database_url(database).run();
    assert!(verified.status.success() && verified.output().contains("Nothing is wrong"), "{verified:?}");
}

#[tokio::test]
async fn a_follower_continues_on_a_cluster_restored_from_a_dump() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    for _ in 0..3 {
        service.create_order().await;
    }
    // The follower reads a part of the events before the dump.
    let mut seen = positions(&service.get("/events?limit=4").await);
    service.stop();

    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let fresh = private_postgres(dir.path(), "orders", &[]).await;
    let mut connection = database.connect().await;
    let bin: String =
        query_scalar("select setting from pg_config where name = 'BINDIR'").fetch_one(&mut connection).await.unwrap();
    let dump = dir.path().join("dump.sql");
    let dumped = Command::new(format!("{bin}/pg_dump")).arg("--file").arg(&dump).arg(database.url()).status();
    assert!(dumped.unwrap().success());
    let mut psql = Command::new(format!("{bin}/psql"));
    psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", "--file"]);
    assert!(psql.arg(&dump).arg(url(fresh.options())).status().unwrap().success());

    let service = Program::new().database_url(&url(fresh.options())).start();
    service.create_order().await;
    seen.extend(positions(&service.get("/events?after=4").await));
    assert_eq!(seen, (1..=12).collect::<Vec<_>>());
    assert_clean(&url(fresh.options()));
}

fn positions(page: &Value) -> Vec<u64> {
    page.as_array().unwrap().iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn verify_names_what_is_wrong_and_its_exit_status_separates_damage_from_failure() {
    let database = Database::new().await;
    let verify = Program::new().verify().database(&database);
    let service = Program::new().database(&database).start();
    service.create_order().await;
    // The service may run.
    let ended = verify.run();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.output().contains("positions  1 to 3") && ended.output().contains("orders     1"), "{ended:?}");
    sqlx::raw_sql("update orders set total_amount = 1").execute(&mut database.connect().await).await.unwrap();
    let ended = verify.run();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.output().contains("the totals") && ended.output().contains("1 thing is wrong."), "{ended:?}");

    let ended = Program::new().verify().database_url("postgres://postgres@localhost:1/orders").run();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let ended = Program::new().verify().database(&Database::empty().await).run();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let dir = tempfile::tempdir().unwrap();
    let ended = Program::new().verify().data_dir(dir.path()).run();
    assert!(ended.status.code() == Some(2) && ended.output().contains("no database in"), "{ended:?}");
    assert!(!dir.path().join("postgres").exists(), "verify creates no database");
}

#[tokio::test]
async fn verify_checks_the_private_database_while_the_service_runs_and_after_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let verify = Program::new().verify().data_dir(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    service.create_order().await;
    let ended = verify.run();
    assert!(ended.status.success() && ended.output().contains("orders     1"), "{ended:?}");
    service.stop();
    let ended = verify.run();
    assert!(ended.status.success() && ended.output().contains("orders     1"), "{ended:?}");
    assert!(
        !dir.path().join("postgres/cluster/postmaster.pid").exists(),
        "verify stops the PostgreSQL that it started"
    );
}

#[tokio::test]
async fn a_stop_completes_the_responses_of_streams_and_long_polls() {
    let service = Program::new().in_memory().start();
    let mut stream = client().get(format!("{}/events/stream", service.url)).send().await.unwrap();
    stream.chunk().await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let url = format!("{}/events?wait=60", service.url);
        async move { client().get(url).send().await.unwrap().json::<Value>().await.unwrap() }
    });
    // Gives the request time to arrive, and shows that it waits.
    tokio::time::timeout(Duration::from_millis(200), async {
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_err();
    service.signal("TERM");
    // The body ends properly: an aborted connection would be an error here.
    while stream.chunk().await.unwrap().is_some() {}
    assert_eq!(waiting.await.unwrap(), json!([]));
    service.ends_well();
}
