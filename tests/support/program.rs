//! Runs the `orders` program in a process of its own.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Database, PATIENCE, project, service::Service};

/// The program with the settings that a test names, and no others. It listens on a free port of the loopback
/// interface.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    wrapper: Vec<OsString>,
    bind: String,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { wrapper: Vec::new(), bind: "127.0.0.1:0".to_owned(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Checks the orders against the event log instead of serving.
    pub(crate) fn verify(self) -> Self {
        self.argument("verify")
    }

    pub(crate) fn in_memory(self) -> Self {
        self.argument("--in-memory")
    }

    pub(crate) fn database(self, database: &Database) -> Self {
        self.database_url(&database.url())
    }

    pub(crate) fn database_url(self, url: &str) -> Self {
        self.option("--database-url", url)
    }

    pub(crate) fn data_dir(self, dir: &Path) -> Self {
        self.option("--data-dir", dir)
    }

    pub(crate) fn log_dir(self, dir: &Path) -> Self {
        self.option("--log-dir", dir)
    }

    pub(crate) fn bind(self, address: &str) -> Self {
        Self { bind: address.to_owned(), ..self }
    }

    pub(crate) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.argument(name).argument(value)
    }

    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs this command, with the program and its arguments behind it.
    pub(crate) fn inside<I: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = I>) -> Self {
        self.wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Starts the service and waits until it is ready.
    pub(crate) fn start(&self) -> Service {
        Service::start(self.command())
    }

    /// Starts the service and waits until it listens. It may wait for its database then.
    pub(crate) fn start_listening(&self) -> Service {
        Service::start_listening(self.command())
    }

    /// Runs a program that ends without a signal.
    pub(crate) fn run(&self) -> Ended {
        let mut process = self.command().spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while process.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = process.kill();
                panic!("{self:?} has not ended within {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        let output = process.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub(crate) fn command(&self) -> Command {
        // ORDERS_BIN names another build, for example a release to measure.
        let binary = env::var_os("ORDERS_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_orders").into());
        let mut words = self.wrapper.iter().chain([&binary]);
        let mut command = Command::new(words.next().unwrap_or(&binary));
        command.args(words).args(["--bind", &self.bind]).args(&self.arguments);
        remove_settings(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(project()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Ended {
    /// Both outputs.
    pub(crate) fn output(&self) -> String {
        self.stdout.clone() + &self.stderr
    }
}

/// Settings of the environment that runs the tests do not reach the program.
pub(crate) fn remove_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ORDERS_") || name == "DATABASE_URL" || name == "RUST_LOG" {
            command.env_remove(&*name);
        }
    }
}
