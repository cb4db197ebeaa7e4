//! How many files the service may have open, and what it keeps of them for itself.

use std::fs;

use crate::support::program::Program;

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
