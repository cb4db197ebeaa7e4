//! What the tests share: a PostgreSQL of their own, and a database a test.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod pricing;
pub(crate) mod program;
pub(crate) mod service;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use orders::infra::{EmbeddedPostgres, PgStore, PoolSettings, migrate};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// A migrated database of the test's own.
pub(crate) struct Database {
    pub(crate) options: PgConnectOptions,
    pub(crate) name: String,
}

/// Its cluster: started once a test binary, stopped with it.
struct Cluster {
    postgres: EmbeddedPostgres,
}

const TEMPLATE: &str = "template_orders";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

impl Database {
    /// From the migrated template.
    pub(crate) async fn new() -> Self {
        Self::from_template(TEMPLATE).await
    }

    /// Without a schema.
    pub(crate) async fn empty() -> Self {
        Self::from_template("template0").await
    }

    async fn from_template(template: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let cluster = cluster().await;
        let mut connection = cluster.postgres.options().clone().database("postgres").connect().await.unwrap();
        let create = format!("create database {name} template {template}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self { options: cluster.postgres.options().clone().database(&name), name }
    }

    pub(crate) fn store(&self) -> PgStore {
        PgStore::new(&self.options, PoolSettings { max_connections: 8, acquire_timeout: Duration::from_secs(30) })
    }

    /// A store whose every plan goes to the server's log.
    pub(crate) fn store_that_explains(&self, plan_cache_mode: &str) -> PgStore {
        let options = self.options.clone().options([
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("plan_cache_mode", plan_cache_mode),
        ]);
        PgStore::new(&options, PoolSettings { max_connections: 1, acquire_timeout: Duration::from_secs(30) })
    }

    /// The plans that the server logged for this database.
    pub(crate) fn plans(&self) -> Vec<String> {
        let log = self.options.get_socket().unwrap().with_file_name("postgres.log");
        let log = fs::read_to_string(log).unwrap();
        // An entry begins with the database's name; its further lines begin with a tab.
        let entries = log.replace("\n\t", "\t");
        let of_this = format!("{} LOG:", self.name);
        entries
            .lines()
            .filter(|line| line.starts_with(&of_this) && line.contains(" plan:"))
            .map(str::to_owned)
            .collect()
    }

    pub(crate) async fn connect(&self) -> sqlx::PgConnection {
        self.options.connect().await.unwrap()
    }

    /// As a process other than the test reaches it.
    pub(crate) fn url(&self) -> String {
        url(&self.options)
    }
}

/// Takes the events up to this position out of the log, as an operator does.
pub(crate) async fn retire(database: &Database, position: i64) {
    let statement = format!(
        "begin; delete from order_events where position <= {position}; update event_head set retired_to = {position}; commit"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut database.connect().await).await.unwrap();
}

/// As a process other than the test reaches this database.
pub(crate) fn url(options: &PgConnectOptions) -> String {
    let socket = options.get_socket().unwrap().display().to_string();
    format!(
        "postgres://postgres@localhost:5432/{}?host={}",
        options.get_database().unwrap(),
        socket.replace('/', "%2F")
    )
}

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            // A thread and a runtime of its own: the runtime of the first test ends with that test.
            let starting = std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(start_cluster())
            });
            tokio::task::spawn_blocking(move || starting.join().unwrap()).await.unwrap()
        })
        .await
}

async fn start_cluster() -> Cluster {
    let root = std::env::temp_dir().join(format!("orders-tests-{}", uid()));
    remove_left_overs(&root);
    let dir = root.join(process::id().to_string());
    // What is lost in a crash of the machine is of no interest here.
    let settings =
        ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=500", "log_line_prefix=%d "];
    let postgres = EmbeddedPostgres::start(&dir, TEMPLATE, &settings).await.unwrap();
    migrate(postgres.options()).await.unwrap();
    Cluster { postgres }
}

/// Each user has a directory of their own.
fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").map_or(0, |process| process.uid())
}

/// The clusters of test runs that have ended: nobody holds their lock.
fn remove_left_overs(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        // One that is being started has no files of a cluster yet.
        let has_begun = entry.path().join("postgres/cluster/PG_VERSION").exists();
        let lock = fs::File::open(entry.path().join("postgres/lock"));
        if has_begun && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The value of `attempt` once it has one; fails after half a minute.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
