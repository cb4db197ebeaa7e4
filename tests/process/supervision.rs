//! The service and the processes of its private PostgreSQL: what it starts again, what it signals, and what it leaves alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use orders::infra::EmbeddedPostgres;
use serde_json::json;
use sqlx::{ConnectOptions, query_scalar};

use crate::{
    embedded::{is_root, open_to_all},
    support::{
        eventually,
        program::Program,
        project,
        service::{Service, client},
    },
};

fn pid_file(data: &Path) -> PathBuf {
    data.join("postgres/cluster/postmaster.pid")
}

fn postmaster(data: &Path) -> Option<u32> {
    fs::read_to_string(pid_file(data)).ok()?.lines().next()?.parse().ok()
}

/// The one after this one.
async fn next_postmaster(data: &Path, before: u32) -> u32 {
    eventually("PostgreSQL is started again", async || postmaster(data).filter(|pid| *pid != before)).await
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

/// The processes that this one has started.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = threads.flat_map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
    children.flat_map(|pids| pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

async fn order_is_taken(service: &Service) {
    eventually("an order is taken", async || {
        let request = client().post(format!("{}/orders", service.url)).json(&json!({"customer_id": "customer-1"}));
        (request.send().await.unwrap().status() == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_private_postgresql_that_dies_is_started_again_and_streams_go_on() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let mut stream = client().get(format!("{}/events/stream", service.url)).send().await.unwrap();
    let mut position = 0;
    // A crash, an immediate, a fast and a smart shutdown.
    for signal in ["KILL", "QUIT", "INT", "TERM"] {
        let before = postmaster(dir.path()).unwrap();
        kill(signal, before);
        next_postmaster(dir.path(), before).await;
        order_is_taken(&service).await;
        position += 1;
        let mut read = String::new();
        while !read.contains(&format!("id: {position}\n")) {
            read += std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap();
        }
    }
    let log = service.stop();
    assert!(log.contains("the private PostgreSQL has ended (signal: 9"), "{log}");
    assert!(!pid_file(dir.path()).exists(), "the last one was stopped with the service");
}

#[tokio::test]
async fn a_private_postgresql_that_dies_again_and_again_is_started_each_time() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let mut pid = postmaster(dir.path()).unwrap();
    for _ in 0..8 {
        kill("KILL", pid);
        pid = next_postmaster(dir.path(), pid).await;
    }
    order_is_taken(&service).await;
}

/// A process that has this process id. `None` where the system does not let anybody choose.
async fn stranger(pid: u32) -> Option<Child> {
    eventually("the process id is free", async || (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())).await;
    for _ in 0..100 {
        // Others start processes meanwhile: they may take it.
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
        let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        if child.id() == pid {
            return Some(child);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    None
}

#[tokio::test]
async fn a_process_that_has_got_the_process_id_of_a_dead_postgresql_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let dead = postmaster(dir.path()).unwrap();
    kill("KILL", dead);
    next_postmaster(dir.path(), dead).await;
    let Some(mut stranger) = stranger(dead).await else {
        eprintln!("skipped: this system does not let tests choose a process id");
        return;
    };
    order_is_taken(&service).await;
    service.stop();
    assert_eq!(stranger.try_wait().unwrap(), None, "the stranger still runs");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_process_that_has_the_process_id_in_a_pid_file_left_behind_keeps_no_service_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let order = service.create_order().await;
    let text = fs::read_to_string(pid_file(dir.path())).unwrap();
    service.stop();

    // As after a crash of the machine, with a process of the database's user in the place of PostgreSQL.
    let mut command = Command::new(if is_root() { "setpriv" } else { "sleep" });
    if is_root() {
        command.args(["--reuid", "postgres", "--clear-groups", "sleep"]);
    }
    let mut stranger = command.arg("600").stdin(Stdio::null()).spawn().unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(pid_file(dir.path()), format!("{}\n{rest}", stranger.id())).unwrap();
    let service = Program::new().data_dir(dir.path()).start();
    assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    service.stop();
    assert_eq!(stranger.try_wait().unwrap(), None, "the stranger still runs");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn an_empty_lock_file_that_a_crash_leaves_behind_keeps_no_service_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let order = service.create_order().await;
    let options = EmbeddedPostgres::running(dir.path(), "orders").await.unwrap();
    let socket = options.get_socket().unwrap().join(format!(".s.PGSQL.{}.lock", options.get_port()));
    for lock in [&socket, &pid_file(dir.path())] {
        assert!(lock.exists(), "{}", lock.display());
    }
    service.stop();
    // PostgreSQL creates each of them empty. A crash then leaves them so.
    for lock in [socket, pid_file(dir.path())] {
        fs::write(&lock, "").unwrap();
        let service = Program::new().data_dir(dir.path()).start();
        assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
        service.stop();
    }
}

#[tokio::test]
async fn a_private_postgresql_runs_with_the_settings_that_the_operations_page_promises() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let _service = Program::new().data_dir(dir.path()).start();
    let options = EmbeddedPostgres::running(dir.path(), "orders").await.unwrap();
    let mut connection = options.connect().await.unwrap();
    let page = fs::read_to_string(project().join("docs/OPERATIONS.md")).unwrap();
    for (name, value) in [
        ("wal_init_zero", "off"),
        ("min_wal_size", "1GB"),
        ("max_wal_size", "4GB"),
        ("checkpoint_timeout", "15min"),
        ("checkpoint_completion_target", "0.9"),
    ] {
        let show = sqlx::AssertSqlSafe(format!("show {name}"));
        let shown: String = query_scalar(show).fetch_one(&mut connection).await.unwrap();
        assert_eq!((name, shown.as_str()), (name, value));
        assert!(page.contains(&format!("{name} = {value}")), "{name} is not in OPERATIONS.md");
    }
}

#[tokio::test]
async fn when_every_process_of_the_service_is_killed_but_itself_it_still_stops() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    order_is_taken(&service).await;
    let children = children(service.process_id());
    assert!(!children.is_empty());
    for child in children {
        kill("KILL", child);
    }
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success(), "{log}");
    let last = postmaster(dir.path());
    eventually("no PostgreSQL is left", async || {
        (!last.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists())).then_some(())
    })
    .await;
    Program::new().data_dir(dir.path()).start().create_order().await;
}

#[tokio::test]
async fn a_postgresql_that_does_not_stop_does_not_hold_up_the_service_and_ends_later() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let service = Program::new().data_dir(dir.path()).start();
    let postgres = postmaster(dir.path()).unwrap();
    kill("STOP", postgres);
    service.signal("TERM");
    let (status, log) = service.ends_in_time();
    assert!(status.success() && log.contains("the private PostgreSQL has not stopped"), "{log}");
    kill("CONT", postgres);
    eventually("PostgreSQL ends", async || (!pid_file(dir.path()).exists()).then_some(())).await;
    Program::new().data_dir(dir.path()).start().create_order().await;
}
