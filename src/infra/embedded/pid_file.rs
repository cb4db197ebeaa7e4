//! `postmaster.pid`, in which PostgreSQL tells of itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The line of the server's state, counted from 0.
const STATE: usize = 7;

fn path(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// Whether the server stops.
pub(super) fn is_stopping(cluster: &Path) -> bool {
    let text = fs::read_to_string(path(cluster)).unwrap_or_default();
    text.lines().nth(STATE).is_some_and(|state| state.trim() == "stopping")
}

/// Removes the `postmaster.pid` of a run that has ended, if its process id belongs to another process by now: PostgreSQL would
/// take that one for a server in the same directory. Called when no process of a run is left.
pub(super) fn remove_stale(cluster: &Path) -> io::Result<()> {
    let path = path(cluster);
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return Ok(()) };
    // A server works in its data directory. Where the system does not tell, PostgreSQL decides.
    let cluster = fs::canonicalize(cluster)?;
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(dir) if dir != cluster => {
            log::warn!("process {pid} is not PostgreSQL: removing {}, which names it", path.display());
            fs::remove_file(&path)
        }
        _ => Ok(()),
    }
}
