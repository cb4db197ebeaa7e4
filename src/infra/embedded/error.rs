use std::{io, path::PathBuf};

/// Why a private PostgreSQL cannot run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "there is no DATABASE_URL, and no PostgreSQL on this machine to start one from: install PostgreSQL \
         (on Debian: apt-get install postgresql), or set DATABASE_URL, or start with --in-memory"
    )]
    NoBinaries,
    #[error(
        "PostgreSQL {found} wrote the data in {}, and this machine has only other versions: install PostgreSQL {found}, or \
         set DATABASE_URL",
        home.display()
    )]
    NoSuchVersion { home: PathBuf, found: u32 },
    #[error("PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody`")]
    NoUser,
    #[error("{} is in use by another instance; to share a database, set DATABASE_URL for every instance", .0.display())]
    InUse(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("initdb failed: {0}")]
    InitDb(String),
    #[error("PostgreSQL stopped while it started; the reason is in {}", log.display())]
    Stopped { log: PathBuf },
    #[error("PostgreSQL cannot create the database {name}")]
    CreateDatabase { name: String, source: sqlx::Error },
}
