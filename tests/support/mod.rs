//! Shared set-up: a PostgreSQL cluster for each test binary, a database for each test, and the program in a process.

#![allow(dead_code, reason = "no test binary uses all of it")]

pub(crate) mod adapters;
#[cfg(feature = "kafka")]
pub(crate) mod kafka;
pub(crate) mod network;
pub(crate) mod newer_release;
pub(crate) mod pricing;
pub(crate) mod program;
pub(crate) mod rabbitmq;
pub(crate) mod redis;
pub(crate) mod service;
mod store;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use orders::infra::{EmbeddedPostgres, PgStore, migrate};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

pub(crate) use store::StoreBuilder;

/// Longer than anything takes, also on a busy machine. What has not happened by then does not happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A database for one test.
pub(crate) struct Database {
    pub(crate) options: PgConnectOptions,
    pub(crate) name: String,
}

/// The cluster of the databases. The first test of a binary starts it; the end of the binary stops it.
struct Cluster {
    postgres: EmbeddedPostgres,
}

const TEMPLATE: &str = "template_orders";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

impl Database {
    /// A migrated database, copied from the template.
    pub(crate) async fn new() -> Self {
        Self::from_template(TEMPLATE).await
    }

    /// A session of another database of the same server.
    pub(crate) async fn administrator() -> PgConnection {
        cluster().await.postgres.options().clone().database("postgres").connect().await.unwrap()
    }

    /// A database without a schema.
    pub(crate) async fn empty() -> Self {
        Self::from_template("template0").await
    }

    async fn from_template(template: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let cluster = cluster().await;
        let mut connection = Self::administrator().await;
        let create = format!("create database {name} template {template}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self { options: cluster.postgres.options().clone().database(&name), name }
    }

    pub(crate) fn store(&self) -> PgStore {
        self.store_with().build()
    }

    /// A store with other settings.
    pub(crate) fn store_with(&self) -> StoreBuilder {
        StoreBuilder::new(self.options.clone())
    }

    /// The plans that PostgreSQL logged for this database.
    pub(crate) fn plans(&self) -> Vec<String> {
        let log = self.options.get_socket().unwrap().with_file_name("postgres.log");
        let log = fs::read_to_string(log).unwrap();
        // An entry begins with the name of the database. Its other lines begin with a tab.
        let entries = log.replace("\n\t", "\t");
        let prefix = format!("{} LOG:", self.name);
        entries.lines().filter(|line| line.starts_with(&prefix) && line.contains(" plan:")).map(str::to_owned).collect()
    }

    pub(crate) async fn connect(&self) -> sqlx::PgConnection {
        self.options.connect().await.unwrap()
    }

    /// The URL for a process other than the test.
    pub(crate) fn url(&self) -> String {
        url(&self.options)
    }
}

/// Removes the events up to this position from the event log, as an operator does.
pub(crate) async fn retire(database: &Database, position: i64) {
    let statement = format!(
        "begin; delete from order_events where position <= {position}; update event_head set retired_to = {position}; commit"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut database.connect().await).await.unwrap();
}

/// Brings the database back to an older state, with this position as the last one of the event log.
pub(crate) async fn restore(database: &Database, position: i64) {
    let statement = format!(
        "begin;
        create temporary table lost as
            select tenant_id, order_id from order_events where position > {position} and version = 1;
        delete from order_events where position > {position};
        delete from order_items where (tenant_id, order_id) in (select * from lost);
        delete from orders where (tenant_id, order_id) in (select * from lost);
        update event_head set position = {position};
        update tenant_heads t set sequence = (
            select coalesce(max(coalesce(sequence, position)), 0) from order_events e where e.tenant_id = t.tenant_id
        );
        update sink_cursors set position = least(position, {position});
        commit"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut database.connect().await).await.unwrap();
}

/// The URL of the database for a process other than the test.
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
            // The cluster needs its own runtime, because the runtime of the first test ends with that test.
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
    remove_abandoned_clusters(&root);
    let dir = root.join(process::id().to_string());
    // The tests do not need data that survives a crash of the machine.
    let settings =
        ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=500", "log_line_prefix=%d "];
    let postgres = private_postgres(&dir, TEMPLATE, &settings).await;
    migrate(postgres.options(), |_| {}).await.unwrap();
    Cluster { postgres }
}

/// A PostgreSQL in this directory that accepts connections to this database.
pub(crate) async fn private_postgres(dir: &Path, database: &str, settings: &[&str]) -> EmbeddedPostgres {
    let program = Path::new(env!("CARGO_BIN_EXE_orders"));
    let postgres = EmbeddedPostgres::start(program, dir, database, settings).unwrap();
    postgres.ready(|_| {}).await.unwrap();
    postgres
}

/// Part of the directory's name, because two users cannot share a directory.
fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").map_or(0, |process| process.uid())
}

/// Removes the clusters of earlier test runs. No process holds their lock.
fn remove_abandoned_clusters(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        // Another test run may be about to create this cluster. Its files do not exist yet.
        let is_created = entry.path().join("postgres/cluster/PG_VERSION").exists();
        let lock = fs::File::open(entry.path().join("postgres/lock"));
        if is_created && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Repeats `attempt` until it returns a value, and returns that value. Panics after 30 s.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(tokio::time::Instant::now() < deadline, "does not happen within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The root directory of the project.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
