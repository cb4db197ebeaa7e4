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
/// Only a part of the socket's name: no TCP port is opened.
pub(super) const PORT: u16 = 5432;

/// A log of PostgreSQL that is larger is put aside at the next start, in place of the one before.
const MAX_LOG_BYTES: u64 = 10 << 20;

/// One run of PostgreSQL. Its exit status is collected by `collect` alone: until then its process id belongs to it, even when
/// it has ended, and a signal cannot reach another process.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

/// Ends when the last process of a run has ended, that is when the last copy of the pipe's other end is closed.
#[derive(Debug)]
pub(super) struct Processes(Option<PipeReader>);

/// What every run of PostgreSQL in a home has in common.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The service's own program.
    pub(super) program: PathBuf,
    pub(super) binaries: Binaries,
    /// PostgreSQL's own, as `name=value`; they come after those of every run.
    pub(super) settings: Vec<String>,
}

impl Launcher {
    /// Called by a thread that lives as long as the server shall: on Linux PostgreSQL is interrupted when it ends.
    pub(super) fn start(&self, home: &Home, lock: &File) -> Result<(Server, Processes), EmbeddedError> {
        let postgres = self.binaries.dir.join("postgres");
        let mut command = launcher::command(&self.program, &Launch { postgres: &postgres, user: home.user });
        command.arg("-D").arg(&home.cluster).arg("-k").arg(&home.sockets);
        command.args(["-p", &PORT.to_string(), "-c", "listen_addresses="]);
        for setting in SETTINGS.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        // Every process of PostgreSQL inherits these two: the lock is free only when all of them have ended.
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

    /// PostgreSQL's fast shutdown: it ends its sessions and writes a checkpoint.
    #[cfg(target_os = "linux")]
    pub(super) fn interrupt(&mut self) -> io::Result<()> {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::INT).map_err(io::Error::from)
    }

    /// The launcher waits for this.
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

    /// Standard input is what the launcher waits for.
    #[cfg(not(target_os = "linux"))]
    fn pipe() -> io::Result<(Stdio, Self)> {
        Ok((Stdio::piped(), Self(None)))
    }

    /// Waits until none is left.
    pub(super) fn wait(self) {
        if let Some(mut reader) = self.0 {
            // Nobody writes: it is the end, or an error that means the same.
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
