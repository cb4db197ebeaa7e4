//! How many files the service may have open, and what it keeps of them for itself.

use std::fs;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{
    eventually,
    program::Program,
    service::{Service, client},
};

/// The program with these limits of open files.
fn limited(soft: &str, hard: &str) -> Program {
    let limits = format!("ulimit -S -n {soft}; ulimit -H -n {hard}; exec \"$0\" \"$@\"");
    Program::new().in_memory().inside(["bash", "-c", &limits])
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_the_system_allows() {
    let service = limited("200", "2000").option("--max-connections", "1000").start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.process_id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("2000"), "{line}");
    let log = service.stop();
    assert!(!log.contains("limit of open files"), "{log}");
}

#[tokio::test]
async fn a_limit_of_open_files_that_does_not_suffice_is_reported_with_figures() {
    let logs = tempfile::tempdir().unwrap();
    limited("300", "300").log_dir(logs.path()).start().stop();
    let log = fs::read_to_string(logs.path().join("orders.log")).unwrap();
    let line = log.lines().find(|line| line.contains("limit of open files")).unwrap();
    for figure in ["is 300,", "ORDERS_MAX_CONNECTIONS=10000 needs 10176", "accepts 124 connections"] {
        assert!(line.contains(figure), "{line}");
    }
}

/// Sends this on a new connection, which stays open.
async fn sent(service: &Service, bytes: &str) -> TcpStream {
    let mut connection = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    connection
}

async fn status(service: &Service, path: &str) -> Option<u16> {
    Some(client().get(format!("{}{path}", service.url)).send().await.ok()?.status().as_u16())
}

#[tokio::test]
async fn with_more_clients_than_open_files_the_health_and_the_console_are_answered() {
    let service = limited("300", "300").option("--client-timeout-secs", "60").start();
    let mut clients = Vec::new();
    // They do not send the rest of their requests.
    let unfinished =
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    for _ in 0..150 {
        clients.push(sent(&service, unfinished).await);
    }
    eventually("all places are taken", async || (status(&service, "/products").await == Some(503)).then_some(())).await;
    eventually("the health is answered", async || (status(&service, "/health/ready").await == Some(200)).then_some(()))
        .await;
    clients.clear();
    // These are idle after their first request.
    for _ in 0..150 {
        clients.push(sent(&service, "GET /products HTTP/1.1\r\nhost: localhost\r\n\r\n").await);
    }
    for path in ["/app/", "/health/live"] {
        eventually(path, async || (status(&service, path).await == Some(200)).then_some(())).await;
    }
    let log = service.stop();
    assert!(!log.contains("Too many open files") && !log.contains("\"ERROR\"") && !log.contains(" ERROR "), "{log}");
}
