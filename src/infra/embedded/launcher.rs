//! The process between the service and its private PostgreSQL. It stops PostgreSQL when the service ends in any way:
//! PostgreSQL then gets SIGINT, which requests a fast shutdown.
//!
//! On Linux the kernel sends the signal, and this process becomes PostgreSQL by `exec`. PostgreSQL is then a child of the
//! service, and keeps its process id until the service has collected its exit status. Other systems have no such signal.
//! There this process waits for the end of its standard input, and sends the signal to its own child.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::user::{self, User};

/// The first argument of a launcher process.
const NAME: &str = "launch-private-postgresql";

/// The program that the launcher starts, and its user.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) postgres: &'a Path,
    pub(super) user: Option<User>,
}

/// A command that runs `program` as a launcher. The caller adds the arguments of PostgreSQL.
pub(super) fn command(program: &Path, launch: &Launch<'_>) -> Command {
    let mut command = user::command(program, None);
    let id = |id: fn(User) -> u32| launch.user.map_or_else(String::new, |user| id(user).to_string());
    command.arg(NAME).arg(std::process::id().to_string());
    command.arg(id(|user| user.uid)).arg(id(|user| user.gid)).arg(launch.postgres);
    command
}

/// Runs the launcher if these are the arguments of one, with the name of the program first. `None` if they are not.
pub fn launch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != NAME {
        return None;
    }
    let number = |text: Option<OsString>| text.as_deref().and_then(OsStr::to_str)?.parse().ok();
    let (parent, uid, gid) = (number(arguments.next()), number(arguments.next()), number(arguments.next()));
    let user = uid.zip(gid).map(|(uid, gid)| User { uid, gid });
    let postgres = PathBuf::from(arguments.next()?);
    let arguments: Vec<OsString> = arguments.collect();
    let error = system::run(parent?, user, &postgres, &arguments);
    // Standard error is the log file of PostgreSQL.
    eprintln!("cannot start {}: {error}", postgres.display());
    Some(ExitCode::FAILURE)
}

#[cfg(target_os = "linux")]
mod system {
    use std::{ffi::OsString, io, os::unix::process::CommandExt, path::Path, process::Command};

    use rustix::{
        process::{Gid, Signal, Uid, getppid, set_parent_process_death_signal},
        thread::{set_thread_gid, set_thread_groups, set_thread_uid},
    };

    use crate::infra::embedded::user::User;

    /// Returns only on failure.
    pub(super) fn run(parent: u32, user: Option<User>, postgres: &Path, arguments: &[OsString]) -> io::Error {
        match prepare(parent, user) {
            Ok(()) => Command::new(postgres).args(arguments).exec(),
            Err(error) => error,
        }
    }

    fn prepare(parent: u32, user: Option<User>) -> io::Result<()> {
        // This comes first, because a change of the user clears the signal. This is the only thread, and `exec` keeps its
        // settings.
        if let Some(User { uid, gid }) = user {
            set_thread_groups(&[])?;
            set_thread_gid(Gid::from_raw(gid))?;
            set_thread_uid(Uid::from_raw(uid))?;
        }
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If the service ended before the call, the kernel sends no signal.
        let is_orphan = getppid().is_none_or(|pid| u32::try_from(pid.as_raw_nonzero().get()) != Ok(parent));
        if is_orphan { Err(io::Error::other("the service has ended")) } else { Ok(()) }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod keeper {
    use std::{
        io::{self, Read},
        process::{Command, ExitStatus},
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
        time::Duration,
    };

    use rustix::process::{Pid, Signal, kill_process};

    const POLL: Duration = Duration::from_millis(50);

    /// Runs the command, and interrupts it when `service` reaches its end. Only this loop collects the exit status, so the
    /// process id still belongs to the child when the loop sends the signal.
    pub(super) fn keep(mut command: Command, mut service: impl Read + Send + 'static) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        let has_ended = Arc::new(AtomicBool::new(false));
        let seen = has_ended.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut service, &mut io::sink());
            seen.store(true, Ordering::SeqCst);
        });
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if has_ended.swap(false, Ordering::SeqCst) {
                kill_process(Pid::from_child(&child), Signal::INT)?;
            }
            thread::sleep(POLL);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::{os::unix::process::ExitStatusExt, process::Command};

        use super::*;

        #[test]
        fn the_child_is_interrupted_when_the_service_ends() {
            let (service, end) = io::pipe().unwrap();
            let kept = thread::spawn(move || {
                let mut command = Command::new("sleep");
                command.arg("60");
                keep(command, service).unwrap()
            });
            drop(end);
            assert_eq!(kept.join().unwrap().signal(), Some(2));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{ffi::OsString, io, path::Path, process::Stdio};

    use crate::infra::embedded::user::{self, User};

    use super::keeper::keep;

    /// Returns when PostgreSQL has ended.
    pub(super) fn run(_parent: u32, user: Option<User>, postgres: &Path, arguments: &[OsString]) -> io::Error {
        let mut command = user::command(postgres, user);
        command.args(arguments).stdin(Stdio::null());
        match keep(command, io::stdin()) {
            Ok(status) => io::Error::other(status.to_string()),
            Err(error) => error,
        }
    }
}
