use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::project;

/// A service in a process of its own. Killed when the test ends.
pub(crate) struct Service {
    pub(crate) url: String,
    process: Child,
    /// What it has logged since it listens.
    log: mpsc::Receiver<String>,
}

/// The program with no settings but these arguments, on a free port.
pub(crate) fn program(arguments: &[&str]) -> Command {
    program_on("127.0.0.1:0", arguments)
}

/// The program with no settings but these arguments, on this address.
pub(crate) fn program_on(address: &str, arguments: &[&str]) -> Command {
    // Another build can be tried by its path, e.g. a release to be measured.
    let binary = std::env::var_os("ORDERS_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_orders").into());
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars() {
        if name.starts_with("ORDERS_") || name == "DATABASE_URL" || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.args(["--bind", address]).args(arguments);
    command.current_dir(project()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a program that is expected to end by itself; its status and what it said on standard error.
pub(crate) fn ended(command: Command) -> (ExitStatus, String) {
    let output = output(command);
    (output.status, String::from_utf8(output.stderr).unwrap())
}

/// Runs a program that is expected to end by itself; its status and all that it said.
pub(crate) fn ended_with_output(command: Command) -> (ExitStatus, String) {
    let output = output(command);
    (output.status, String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

fn output(mut command: Command) -> Output {
    let mut process = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while process.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = process.kill();
            panic!("{command:?} did not end by itself");
        }
        thread::sleep(Duration::from_millis(10));
    }
    process.wait_with_output().unwrap()
}

impl Service {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut service = Self { url: String::new(), process, log };
        let mut before = Vec::new();
        while service.url.is_empty() {
            let line = service.log.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|_| panic!("the service did not come up:\n{}", before.join("\n")));
            if let Some((_, url)) = line.split_once("listening on ") {
                // A JSON line goes on behind it.
                url.split('"').next().unwrap_or(url).clone_into(&mut service.url);
            }
            before.push(line);
        }
        service
    }

    pub(crate) fn on_data(data_dir: &Path) -> Self {
        Self::start(program(&["--data-dir", data_dir.to_str().unwrap()]))
    }

    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, which has to come by then; the status and what was logged since the start.
    pub(crate) fn wait_within(mut self, deadline: Duration) -> (ExitStatus, String) {
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < deadline, "the service has not ended within {deadline:?}");
            thread::sleep(Duration::from_millis(10));
        }
        self.wait()
    }

    /// Waits for the end; the status and what was logged since the start.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
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

/// It trusts nobody: a machine without certificates will do, and none are read.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
