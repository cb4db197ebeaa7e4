//! A real Redis, on a Unix socket.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::eventually;

/// The end of the test kills it.
pub(crate) struct Redis {
    process: Child,
    dir: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    async fn start_in(dir: TempDir) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(socket(&dir));
        command.arg("--dir").arg(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("redis-server is installed; scripts/test installs it");
        let redis = Self { process, dir };
        eventually("Redis listens", async || UnixStream::connect(socket(&redis.dir)).ok()).await;
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", socket(&self.dir).display())
    }

    /// It no longer answers, and keeps its connections.
    pub(crate) fn freeze(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }

    /// Kills it. `start_again` starts an empty one in its place.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) async fn start_again(mut self) -> Self {
        self.kill();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Self::start_in(dir).await
    }
}

fn socket(dir: &TempDir) -> PathBuf {
    dir.path().join("redis.sock")
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
