use std::{
    env,
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use super::{
    EmbeddedError,
    user::{self, User},
};

/// The parent of the files if the user of the database cannot reach the data directory.
const FALLBACK: &str = "/var/lib/orders";

/// The path of a socket has at most 107 bytes (unix(7)), and PostgreSQL appends a file name to this directory.
const MAX_SOCKET_DIR: usize = 85;

/// The directories of one private PostgreSQL.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) user: Option<User>,
}

impl Home {
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let user = user::to_drop_to()?;
        let dir = reachable_dir(data_dir, user)?;
        let cluster = dir.join("cluster");
        let sockets = sockets(&dir, at(&dir, fs::metadata(&dir))?.ino());
        private_dir(&sockets, user)?;
        Ok(Self { dir, cluster, sockets, user })
    }

    /// The socket directory of the PostgreSQL whose files are below `data_dir`, if there are any. Changes nothing.
    pub(super) fn sockets_of(data_dir: &Path) -> Option<PathBuf> {
        let data_dir = data_dir.canonicalize().ok()?;
        let dir = [data_dir.join("postgres"), fallback(&data_dir)].into_iter().find(|dir| has_cluster(dir))?;
        let inode = fs::metadata(&dir).ok()?.ino();
        Some(sockets(&dir, inode))
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Where `initdb` creates a cluster, which is renamed when it is complete.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.dir.join("cluster.new")
    }

    /// The major version of PostgreSQL that wrote the files. `None` before the first start.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
    }
}

fn reachable_dir(data_dir: &Path, user: Option<User>) -> Result<PathBuf, EmbeddedError> {
    at(data_dir, fs::create_dir_all(data_dir))?;
    let data_dir = at(data_dir, data_dir.canonicalize())?;
    let wanted = data_dir.join("postgres");
    let fallback = fallback(&data_dir);
    private_dir(&wanted, user)?;
    // An existing cluster stays where it is, even if the preferred directory is reachable now.
    let stays = user.is_none() || has_cluster(&wanted) || !has_cluster(&fallback);
    if user.is_none() || (stays && user::can_write(user, &wanted)) {
        return Ok(wanted);
    }
    at(&fallback, fs::create_dir_all(&fallback))?;
    private_dir(&fallback, user)?;
    log::warn!(
        "the user of the private PostgreSQL cannot reach {}; its files are in {}",
        wanted.display(),
        fallback.display()
    );
    // It is empty and unused, and would mislead a reader.
    let _ = fs::remove_dir(&wanted);
    Ok(fallback)
}

/// One directory for each data directory, named after its path.
fn fallback(data_dir: &Path) -> PathBuf {
    let name = data_dir.to_string_lossy().trim_matches('/').replace('-', "--").replace('/', "-");
    Path::new(FALLBACK).join(name)
}

fn has_cluster(dir: &Path) -> bool {
    dir.join("cluster/PG_VERSION").exists()
}

/// In the directory for temporary files, named by the inode, if the path of `dir` is too long for a socket.
fn sockets(dir: &Path, inode: u64) -> PathBuf {
    let sockets = dir.join("run");
    if sockets.as_os_str().len() > MAX_SOCKET_DIR {
        env::temp_dir().join(format!("orders-postgres-{inode}"))
    } else {
        sockets
    }
}

pub(super) fn private_dir(dir: &Path, user: Option<User>) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return at(dir, Err(error)),
        _ => {}
    }
    if let Some(User { uid, gid }) = user {
        at(dir, chown(dir, Some(uid), Some(gid)))?;
    }
    at(dir, fs::set_permissions(dir, Permissions::from_mode(0o700)))
}

/// Adds the path to an error.
pub(super) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, EmbeddedError> {
    result.map_err(|source| EmbeddedError::Io { path: path.to_owned(), source })
}
