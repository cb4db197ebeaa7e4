use std::{
    fs::{self, File},
    io::{self, PipeReader, Read},
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
};

use rustix::process::Pid;

use super::{
    EmbeddedError,
    binaries::Binaries,
    home::{Home, at},
    launcher::{self, Launch},
    settings::SETTINGS,
};

pub(super) const SUPERUSER: &str = "postgres";
/// A part of the name of the socket; PostgreSQL opens no TCP port.
pub(super) const PORT: u16 = 5432;

/// A larger log file of PostgreSQL is renamed at the next start. It replaces the previous one.
const MAX_LOG_BYTES: u64 = 10 << 20;

/// One run of PostgreSQL. Only `collect` collects its exit status. Until then it keeps its process id, even after its end, so a
/// signal cannot reach another process.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

/// All processes of a run. Each has a copy of the write end of a pipe; the last one closes the pipe when it ends.
#[derive(Debug)]
pub(super) struct Processes(Option<PipeReader>);

/// How to start PostgreSQL in one home.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The program of the service.
    pub(super) program: PathBuf,
    pub(super) binaries: Binaries,
    /// Settings of PostgreSQL as `name=value`. They override `SETTINGS`.
    pub(super) settings: Vec<String>,
}

impl Launcher {
    /// The calling thread must live as long as the server: on Linux, PostgreSQL is interrupted when the thread ends.
    pub(super) fn start(&self, home: &Home, lock: &File) -> Result<(Server, Processes), EmbeddedError> {
        let postgres = self.binaries.dir.join("postgres");
        let mut command = launcher::command(&self.program, &Launch { postgres: &postgres, user: home.user });
        command.arg("-D").arg(&home.cluster).arg("-k").arg(&home.sockets);
        command.args(["-p", &PORT.to_string(), "-c", "listen_addresses="]);
        for setting in SETTINGS.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        // Every process of PostgreSQL inherits both: the lock is free only when all of them have ended.
        let lock = at(&home.dir, lock.try_clone())?;
        let (stdin, processes) = at(&postgres, Processes::pipe())?;
        let spawned = command.stdin(stdin).stdout(lock).stderr(log(home)?).spawn();
        Ok((Server { child: at(&self.program, spawned)? }, processes))
    }
}

impl Server {
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Requests a fast shutdown: PostgreSQL ends its sessions and writes a checkpoint.
    #[cfg(target_os = "linux")]
    pub(super) fn interrupt(&mut self) -> io::Result<()> {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::INT).map_err(io::Error::from)
    }

    /// The launcher waits for the end of its standard input.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn interrupt(&mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        Ok(())
    }

    /// Waits for the end.
    pub(super) fn collect(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Processes {
    #[cfg(target_os = "linux")]
    fn pipe() -> io::Result<(Stdio, Self)> {
        let (reader, writer) = io::pipe()?;
        Ok((writer.into(), Self(Some(reader))))
    }

    /// The pipe is the standard input of the launcher.
    #[cfg(not(target_os = "linux"))]
    fn pipe() -> io::Result<(Stdio, Self)> {
        Ok((Stdio::piped(), Self(None)))
    }

    /// Waits until all of them have ended.
    pub(super) fn wait(self) {
        if let Some(mut reader) = self.0 {
            // No process writes to the pipe: the read returns at its end. An error means the same.
            let _ = reader.read(&mut [0]);
        }
    }
}

fn log(home: &Home) -> Result<File, EmbeddedError> {
    let path = home.log();
    if fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES) {
        at(&path, fs::rename(&path, path.with_extension("log.1")))?;
    }
    at(&path, File::options().create(true).append(true).open(&path))
}
