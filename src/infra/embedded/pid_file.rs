//! `postmaster.pid`, in which PostgreSQL writes its process id and state.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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

/// Removes the `postmaster.pid` of a run that has ended, if its process id belongs to another process now. PostgreSQL would
/// mistake that process for a server in the same directory. For use when no process of the run is left.
pub(super) fn remove_stale(cluster: &Path) -> io::Result<()> {
    let path = path(cluster);
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return Ok(()) };
    // The working directory of a server is its data directory. Without proc(5), PostgreSQL decides.
    let cluster = fs::canonicalize(cluster)?;
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(dir) if dir != cluster => {
            log::warn!("removing {}: its process {pid} is not PostgreSQL", path.display());
            fs::remove_file(&path)
        }
        _ => Ok(()),
    }
}
