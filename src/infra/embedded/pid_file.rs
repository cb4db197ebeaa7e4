//! `postmaster.pid`, in which PostgreSQL writes its process id and state, and the files like it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::home::Home;

/// The line with the state of the server, counted from 0.
const STATE: usize = 7;

fn path(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// The server is shutting down.
pub(super) fn is_stopping(cluster: &Path) -> bool {
    let text = fs::read_to_string(path(cluster)).unwrap_or_default();
    text.lines().nth(STATE).is_some_and(|state| state.trim() == "stopping")
}

/// Removes the files that a run has left behind after a crash: `postmaster.pid`, and the lock files of its sockets. PostgreSQL
/// does not start beside one that is empty, or that has the process id of another process by now. For use when no process
/// of the run is left.
pub(super) fn remove_remnants(home: &Home) -> io::Result<()> {
    if has_server(&home.cluster)? {
        return Ok(());
    }
    let sockets = fs::read_dir(&home.sockets)?.filter_map(|entry| Some(entry.ok()?.path()));
    let socket_locks = sockets.filter(|path| path.extension().is_some_and(|extension| extension == "lock"));
    for remnant in socket_locks.chain([path(&home.cluster)]) {
        match fs::remove_file(&remnant) {
            Ok(()) => log::info!("removed {}, which a run of PostgreSQL has left behind", remnant.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a PostgreSQL runs on these files that the service has not started. The working directory of its processes is
/// its data directory. Without proc(5), PostgreSQL decides.
fn has_server(cluster: &Path) -> io::Result<bool> {
    let cluster = fs::canonicalize(cluster)?;
    let Ok(processes) = fs::read_dir("/proc") else { return Ok(true) };
    let mut directories = processes.filter_map(|process| fs::read_link(process.ok()?.path().join("cwd")).ok());
    Ok(directories.any(|directory| directory == cluster))
}
