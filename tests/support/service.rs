//! A running service, in a process of its own.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::PATIENCE;

/// A stop takes 10 s at most, and longer on a busy machine.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// `Program::start` starts it. The end of the test kills it.
pub(crate) struct Service {
    pub(crate) url: String,
    process: Child,
    /// The lines that it logs from the moment it is ready, or listens.
    log: mpsc::Receiver<String>,
}

impl Service {
    /// Waits until the log says that it is ready.
    pub(super) fn start(command: Command) -> Self {
        let mut service = Self::start_listening(command);
        service.wait_for_line("ready for requests");
        service
    }

    /// Waits until the log names the address. The service may wait for its database then.
    pub(super) fn start_listening(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut service = Self { url: String::new(), process, log };
        let line = service.wait_for_line("listening on ");
        let (_, url) = line.split_once("listening on ").unwrap();
        // In a JSON line a quotation mark follows the address.
        url.split('"').next().unwrap_or(url).clone_into(&mut service.url);
        service
    }

    /// Waits until the log has a line with this text; returns the line.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line has {text:?}:\n{}", before.join("\n")));
            if line.contains(text) {
                return line;
            }
            before.push(line);
        }
    }

    /// The address without the scheme.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops the service with SIGTERM and asserts that it succeeds; returns its log since it listened.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        self.ends_well()
    }

    /// Waits until the service ends and asserts that it succeeds; returns its log since it listened.
    pub(crate) fn ends_well(self) -> String {
        let (status, log) = self.wait();
        assert!(status.success(), "{log}");
        log
    }

    /// Waits until the service ends, at most for `STOP_TIMEOUT`; returns the status and the log since it listened.
    pub(crate) fn ends_in_time(mut self) -> (ExitStatus, String) {
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < STOP_TIMEOUT, "the service has not ended within {STOP_TIMEOUT:?}");
            thread::sleep(Duration::from_millis(10));
        }
        self.wait()
    }

    fn wait(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        let mut stdout = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        (status, self.log.iter().collect::<Vec<_>>().join("\n") + &stdout)
    }

    pub(crate) async fn create_order(&self) -> Value {
        let items = json!([{"sku": "LAPTOP123", "quantity": 1}, {"sku": "MOUSE456", "quantity": 2}]);
        let body = json!({"customer_id": "customer-1", "items": items});
        let response = client().post(format!("{}/orders", self.url)).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    /// The body of the response.
    pub(crate) async fn get(&self, path: &str) -> Value {
        client().get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Creates orders of three events, one after the other.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    writing: JoinHandle<u64>,
}

impl Writer {
    pub(crate) fn start(url: &str) -> Self {
        let (stop, url) = (Arc::new(AtomicBool::new(false)), format!("{url}/orders"));
        let stopped = stop.clone();
        let writing = tokio::spawn(async move {
            let (client, mut events) = (client(), 0);
            let item = json!({"sku": "MOUSE456", "quantity": 1});
            while !stopped.load(Ordering::Relaxed) {
                let body = json!({"customer_id": "c", "items": [item, item]});
                if client.post(&url).json(&body).send().await.is_ok_and(|response| response.status() == 201) {
                    events += 3;
                }
            }
            events
        });
        Self { stop, writing }
    }

    /// How many events it wrote.
    pub(crate) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.writing.await.unwrap()
    }
}

pub(crate) fn client() -> reqwest::Client {
    client_builder().build().unwrap()
}

/// A client that trusts no certificates and reads none, so it works on a machine that has none.
pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}
