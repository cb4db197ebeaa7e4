//! What the service answers and reports while it starts.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    embedded::open_to_all,
    support::{
        Database, eventually,
        program::Program,
        service::{Service, client},
    },
};

/// The status, `Retry-After` and the body.
async fn get(service: &Service, path: &str) -> (u16, Option<String>, Value) {
    let response = client().get(format!("{}{path}", service.url)).send().await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), retry_after, response.json().await.unwrap_or_default())
}

/// The reason that readiness gives.
pub(crate) async fn reason(service: &Service) -> String {
    let (status, _, body) = get(service, "/health/ready").await;
    assert_eq!((status, &body["code"]), (503, &Value::from("store_unavailable")));
    body["detail"].as_str().unwrap().to_owned()
}

pub(crate) async fn becomes_ready(service: &Service) {
    eventually("the service is ready", async || (get(service, "/health/ready").await.0 == 200).then_some(())).await;
}

#[tokio::test]
async fn while_the_database_is_away_the_service_lives_and_says_what_it_waits_for() {
    let mut service = Program::new().database_url("postgres://orders@127.0.0.1:1/orders").start_listening();
    service.wait_for_line("not ready yet: the database is not ready");
    assert_eq!(get(&service, "/health/live").await.0, 200);
    let reason = reason(&service).await;
    assert!(reason.contains("not ready yet: the database") && reason.contains("refused"), "{reason}");
    for path in ["/orders", "/events", "/products", "/anything"] {
        let (status, retry_after, body) = get(&service, path).await;
        assert_eq!((status, retry_after.as_deref(), &body["code"]), (503, Some("1"), &"store_unavailable".into()));
    }
    // These need no store.
    for path in ["/app/", "/docs/", "/openapi.json", "/problems", "/metrics", "/"] {
        assert_eq!(get(&service, path).await.0, 200, "{path}");
    }
    let metrics = client().get(format!("{}/metrics", service.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\norders_ready 0\n"), "{metrics}");
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success(), "{log}");
}

/// Starts the service on a database that refuses it with this error, and lets it in with `heal`.
async fn waits_until_it_is_let_in(url: &str, error: &str, heal: &str) {
    let service = Program::new().env("DATABASE_URL", url).start_listening();
    eventually("the service knows why it waits", async || reason(&service).await.contains(error).then_some(())).await;
    assert_eq!(get(&service, "/health/live").await.0, 200);
    let (status, retry_after, _) = get(&service, "/orders").await;
    assert_eq!((status, retry_after.as_deref()), (503, Some("1")));
    let mut administrator = Database::administrator().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(heal)).execute(&mut administrator).await.unwrap();
    becomes_ready(&service).await;
    service.create_order().await;
    let log = service.stop();
    assert!(!log.contains("ERROR") && !log.contains(".c:") && !log.contains("at line"), "{log}");
}

#[tokio::test]
async fn a_refused_login_at_the_start_is_waited_for() {
    let database = Database::new().await;
    let role = format!("{}_role", database.name);
    let mut administrator = Database::administrator().await;
    let create = format!("create role {role} superuser nologin");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut administrator).await.unwrap();
    let url = database.url().replace("postgres@", &format!("{role}@"));
    waits_until_it_is_let_in(&url, "28000", &format!("alter role {role} login")).await;
}

#[tokio::test]
async fn a_database_that_does_not_exist_at_the_start_is_waited_for() {
    let database = Database::new().await;
    let name = &database.name;
    let mut administrator = Database::administrator().await;
    let rename = format!("alter database {name} rename to {name}_away");
    sqlx::raw_sql(sqlx::AssertSqlSafe(rename)).execute(&mut administrator).await.unwrap();
    waits_until_it_is_let_in(&database.url(), "3D000", &format!("alter database {name}_away rename to {name}")).await;
}

#[tokio::test]
async fn while_its_directory_is_in_use_the_service_names_the_process_that_it_waits_for() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let first = Program::new().data_dir(dir.path()).start();
    let order = first.create_order().await;
    let mut second = Program::new().data_dir(dir.path()).start_listening();
    second.wait_for_line(&format!("not ready yet: another instance (process {})", first.process_id()));
    assert!(reason(&second).await.contains(&format!("(process {})", first.process_id())));
    first.stop();
    becomes_ready(&second).await;
    assert_eq!(second.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    let mut third = Program::new().data_dir(dir.path()).start_listening();
    third.wait_for_line("another instance");
    third.signal("TERM");
    assert!(third.ends_in_time().0.success());
}

/// A private PostgreSQL that recovers from an archive and waits for its next file.
fn recover_for_ever(data: &Path) {
    let cluster = data.join("postgres/cluster");
    fs::write(cluster.join("recovery.signal"), "").unwrap();
    fs::write(cluster.join("postgresql.auto.conf"), "restore_command = 'sleep 600'\n").unwrap();
}

#[tokio::test]
async fn a_signal_stops_the_service_while_its_postgresql_recovers() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    Program::new().data_dir(dir.path()).start().stop();
    recover_for_ever(dir.path());
    let mut service = Program::new().data_dir(dir.path()).start_listening();
    service.wait_for_line("the private PostgreSQL starts: the database system is starting up");
    assert_eq!(get(&service, "/health/live").await.0, 200);
    assert!(reason(&service).await.contains("the database system is starting up"));
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success(), "{log}");
    assert!(!dir.path().join("postgres/cluster/postmaster.pid").exists());

    let mut service = Program::new().data_dir(dir.path()).start_listening();
    service.wait_for_line("the private PostgreSQL starts");
    service.signal("INT");
    service.signal("TERM");
    let (status, _) = service.ends_in_time();
    assert!(matches!(status.code(), Some(0 | 130)), "{status}");
}

#[tokio::test]
async fn a_signal_stops_the_service_while_it_creates_its_files_and_the_next_start_creates_them() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let mut service = Program::new().data_dir(dir.path()).start_listening();
    service.wait_for_line("initdb creates");
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success(), "{log}");
    Program::new().data_dir(dir.path()).start().create_order().await;
}
