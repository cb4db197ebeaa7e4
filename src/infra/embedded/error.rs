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
        "the data in {} is of PostgreSQL {found}, and this machine has only other versions: install PostgreSQL {found}, or set DATABASE_URL",
        home.display()
    )]
    NoSuchVersion { home: PathBuf, found: u32 },
    #[error("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")]
    NoUser,
    #[error("{} is in use by another instance; instances share a database by DATABASE_URL", .0.display())]
    InUse(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("initdb failed: {0}")]
    InitDb(String),
    #[error("PostgreSQL stopped while it started; the reason is in {}", log.display())]
    Stopped { log: PathBuf },
    #[error("the database {name} could not be created")]
    CreateDatabase { name: String, source: sqlx::Error },
}
