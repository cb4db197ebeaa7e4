//! What is left after parts of the whole were killed, or moved to another place.

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use orders::infra::EmbeddedPostgres;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions, query_scalar};
use tokio::task::{LocalSet, spawn_local};

use crate::{
    embedded::open_to_all,
    support::{Database, eventually, program::Program, service::client, url},
};

/// What the writers and the follower of a service that is killed now and then have in common.
#[derive(Default)]
struct World {
    service: Mutex<String>,
    /// The orders whose creation was answered.
    acknowledged: Mutex<Vec<String>>,
    /// The writers shall end.
    done: AtomicBool,
    /// They have.
    settled: AtomicBool,
}

impl World {
    fn url(&self) -> String {
        self.service.lock().unwrap().clone()
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }
}

#[tokio::test]
async fn whatever_is_killed_nothing_acknowledged_is_lost_doubled_or_left_out_of_the_log() {
    LocalSet::new().run_until(kill_this_and_that()).await;
}

async fn kill_this_and_that() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    // Commits that take their time are met while they are under way.
    let slow_commits = ["commit_delay=20000", "commit_siblings=0"];
    let postgres = EmbeddedPostgres::start(dir.path(), "orders", &slow_commits).await.unwrap();
    let database = url(postgres.options());
    let program = Program::new().database_url(&database);
    let mut service = program.start();
    let world = Arc::new(World::default());
    world.service.lock().unwrap().clone_from(&service.url);
    let writers: Vec<_> = (0..12).map(|n| spawn_local(write(world.clone(), n))).collect();
    let follower = spawn_local(follow(world.clone()));

    for round in 0..6 {
        let before = world.acknowledged();
        eventually("orders are taken", async || (world.acknowledged() > before + 20).then_some(())).await;
        if round % 3 == 2 {
            session_that_commits(postgres.options()).await;
            service.kill();
            service = program.start();
            world.service.lock().unwrap().clone_from(&service.url);
        } else {
            kill_a_backend_that_commits(postgres.options()).await;
        }
    }
    let before = world.acknowledged();
    eventually("orders are taken", async || (world.acknowledged() > before + 20).then_some(())).await;
    world.done.store(true, Ordering::SeqCst);
    for written in join_all(writers).await {
        written.unwrap();
    }
    world.settled.store(true, Ordering::SeqCst);
    let position = follower.await.unwrap();

    let mut acknowledged = world.acknowledged.lock().unwrap().clone();
    acknowledged.sort();
    let mut connection = postgres.options().connect().await.unwrap();
    let stored: Vec<String> =
        query_scalar("select order_id::text from orders order by 1").fetch_all(&mut connection).await.unwrap();
    assert_eq!(stored, acknowledged);
    let head: i64 = query_scalar("select position from event_head").fetch_one(&mut connection).await.unwrap();
    assert_eq!(position, head);
    assert_clean(&database);
}

/// Takes orders one after the other, each under a key of its own until it is answered.
async fn write(world: Arc<World>, writer: usize) {
    let client = client();
    let body = json!({"customer_id": "c", "items": [{"sku": "MOUSE456", "quantity": 1}]});
    for n in 0.. {
        if world.done.load(Ordering::SeqCst) {
            return;
        }
        let id = eventually("the order is taken", async || {
            let request =
                client.post(format!("{}/orders", world.url())).header("idempotency-key", format!("{writer}-{n}"));
            // A service that is gone, or goes while it answers, is asked again.
            let answer = request.json(&body).send().await.ok()?;
            let status = answer.status();
            assert!(status == 201 || status == 503, "{status}: {:?}", answer.text().await);
            let order: Value = if status == 201 { answer.json().await.ok()? } else { return None };
            Some(order["order_id"].as_str().unwrap().to_owned())
        })
        .await;
        world.acknowledged.lock().unwrap().push(id);
    }
}

/// Follows the feed from the beginning, and past the end of the writers; the last position. None may be missing on the way.
async fn follow(world: Arc<World>) -> i64 {
    let client = client();
    let mut position = 0;
    loop {
        let settled = world.settled.load(Ordering::SeqCst);
        let page = eventually("the feed answers", async || {
            let answer = client.get(format!("{}/events?after={position}&limit=1000", world.url())).send().await.ok()?;
            let status = answer.status();
            assert!(status == 200 || status == 503, "{status}");
            if status == 200 { answer.json::<Vec<Value>>().await.ok() } else { None }
        })
        .await;
        for event in &page {
            position += 1;
            assert_eq!(event["sequence"], position.to_string());
        }
        if settled && page.is_empty() {
            return position;
        }
    }
}

/// kill -9 of a session that is in its COMMIT: the server takes all sessions down and recovers.
async fn kill_a_backend_that_commits(options: &PgConnectOptions) {
    let pid = session_that_commits(options).await;
    assert!(Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
}

/// The process of a session that is in its COMMIT now.
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

/// `orders verify` finds nothing wrong.
fn assert_clean(database: &str) {
    let verified = Program::new().verify().database_url(database).run();
    assert!(verified.status.success() && verified.output().contains("Nothing is wrong"), "{verified:?}");
}

#[tokio::test]
async fn followers_go_on_in_a_cluster_that_was_restored_from_a_dump() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    for _ in 0..3 {
        service.create_order().await;
    }
    // It has read a part by then.
    let mut seen = positions(&service.get("/events?limit=4").await);
    service.stop();

    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let fresh = EmbeddedPostgres::start(dir.path(), "orders", &[]).await.unwrap();
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
async fn verify_says_what_is_wrong_and_ends_with_a_status_that_a_script_can_use() {
    let database = Database::new().await;
    let verify = Program::new().verify().database(&database);
    let service = Program::new().database(&database).start();
    service.create_order().await;
    // While the service runs.
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
    assert!(!dir.path().join("postgres").exists(), "nothing is made");
}

#[tokio::test]
async fn verify_reaches_the_private_database_with_and_without_the_service() {
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
    assert!(!dir.path().join("postgres/cluster/postmaster.pid").exists(), "what it started it stopped");
}

#[tokio::test]
async fn a_stop_ends_what_waits_for_events_with_a_whole_answer() {
    let service = Program::new().in_memory().start();
    let mut stream = client().get(format!("{}/events/stream", service.url)).send().await.unwrap();
    stream.chunk().await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let url = format!("{}/events?wait=60", service.url);
        async move { client().get(url).send().await.unwrap().json::<Value>().await.unwrap() }
    });
    // It is there when its connection is.
    tokio::time::timeout(Duration::from_millis(200), async {
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_err();
    service.signal("TERM");
    // The end of the stream, not of the connection.
    while stream.chunk().await.unwrap().is_some() {}
    assert_eq!(waiting.await.unwrap(), json!([]));
    service.ends_well();
}
