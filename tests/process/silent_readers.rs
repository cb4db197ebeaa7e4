//! How the service stops while nobody reads its standard error.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{
    eventually,
    program::Program,
    service::{STOP_TIMEOUT, client},
};

/// The service with log files in this directory; nobody reads its standard error.
struct Unread {
    process: Child,
    url: String,
}

impl Unread {
    async fn start(logs: &Path) -> Self {
        let process = Program::new().in_memory().log_dir(logs).command().spawn().unwrap();
        let url = eventually("the service listens", async || {
            let log = fs::read_to_string(logs.join("orders.log")).ok()?;
            let (_, url) = log.split_once("listening on ")?;
            Some(url.lines().next()?.to_owned())
        })
        .await;
        Self { process, url }
    }

    /// Requests until one gets no response: its line, and so the request, waits for standard error.
    async fn fill_standard_error(&self) {
        let url = format!("{}/{}", self.url, "x".repeat(8000));
        eventually("a request waits", async || {
            let request = client().get(&url).timeout(Duration::from_secs(1)).send();
            request.await.is_err_and(|error| error.is_timeout()).then_some(())
        })
        .await;
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn ends_in_time(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < STOP_TIMEOUT, "the service has not ended within {STOP_TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_reader_of_standard_error_that_stands_still_does_not_delay_a_stop() {
    let logs = tempfile::tempdir().unwrap();
    let mut service = Unread::start(logs.path()).await;
    service.fill_standard_error().await;
    service.signal("TERM");
    assert!(service.ends_in_time().success());
    // The log file has all lines, and the number of those that standard error has not.
    let log = fs::read_to_string(logs.path().join("orders.log")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.contains("log lines were given up") && last.contains(" to standard error"), "{last}");
    let mut standard_error = String::new();
    service.process.stderr.take().unwrap().read_to_string(&mut standard_error).unwrap();
    assert!(standard_error.lines().count() < log.lines().count());
}

#[tokio::test]
async fn a_second_signal_ends_the_service_while_nobody_reads_standard_error() {
    let logs = tempfile::tempdir().unwrap();
    let mut service = Unread::start(logs.path()).await;
    // A request that does not end: the stop waits for it.
    let mut connection = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head =
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    service.fill_standard_error().await;
    service.signal("TERM");
    eventually("the stop begins", async || {
        let log = fs::read_to_string(logs.path().join("orders.log")).unwrap();
        log.contains("stopping: ").then_some(())
    })
    .await;
    service.signal("TERM");
    assert_eq!(service.ends_in_time().code(), Some(130));
}
