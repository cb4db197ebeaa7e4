//! A private PostgreSQL from the binaries on the machine, for a start without configuration: reachable by a Unix socket only,
//! stopped with the service, and kept in the data directory for the next start.

mod binaries;
mod home;
mod server;
mod user;

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

use super::postgres::bounded;
use home::Home;
use server::Server;

/// How long a start may take: the recovery after a crash is in it.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const START_POLL: Duration = Duration::from_millis(20);

/// A running private PostgreSQL. It stops when this is dropped, and also when the process ends in any other way.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: Server,
    options: PgConnectOptions,
}

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
    #[error("PostgreSQL did not answer within {START_TIMEOUT:?}; see {}", log.display())]
    Silent { log: PathBuf, source: sqlx::Error },
    #[error("the database {name} could not be made")]
    CreateDatabase { name: String, source: sqlx::Error },
}

impl EmbeddedPostgres {
    /// Starts the PostgreSQL whose files are in `data_dir/postgres`, makes them when there are none, and makes the database
    /// `name` when there is none. `settings` are PostgreSQL's own, as `name=value`.
    pub async fn start(data_dir: &Path, name: &str, settings: &[&str]) -> Result<Self, EmbeddedError> {
        let data_dir = data_dir.to_owned();
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let launch = move || {
            let home = Home::prepare(&data_dir)?;
            Server::launch(home, &settings)
        };
        let mut server = match tokio::task::spawn_blocking(launch).await {
            Ok(launched) => launched?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let admin = connection_to(&server.home.sockets);
        let mut connection = first_connection(&admin, &mut server).await?;
        create_database(&mut connection, name).await.map_err(|source| {
            let name = name.to_owned();
            EmbeddedError::CreateDatabase { name, source }
        })?;
        Ok(Self { server, options: bounded(admin.database(name)) })
    }

    /// How to reach the database `name` of a private PostgreSQL that another process has started, and that answers.
    pub async fn running(data_dir: &Path, name: &str) -> Option<PgConnectOptions> {
        let options = bounded(connection_to(&Home::sockets_of(data_dir)?).database(name));
        options.connect().await.ok().map(|_| options)
    }

    /// Whether there are files of a private PostgreSQL.
    pub fn exists(data_dir: &Path) -> bool {
        Home::sockets_of(data_dir).is_some()
    }

    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Stops with a checkpoint, and waits for the end.
    pub fn stop(mut self) -> io::Result<()> {
        self.server.stop()
    }
}

fn connection_to(sockets: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(sockets)
        .port(server::PORT)
        .username(server::SUPERUSER)
        .database("postgres")
}

async fn first_connection(admin: &PgConnectOptions, server: &mut Server) -> Result<PgConnection, EmbeddedError> {
    let begun = Instant::now();
    loop {
        match admin.connect().await {
            Ok(connection) => return Ok(connection),
            Err(_) if server.has_ended() => return Err(EmbeddedError::Stopped { log: server.home.log() }),
            Err(source) if begun.elapsed() > START_TIMEOUT => {
                return Err(EmbeddedError::Silent { log: server.home.log(), source });
            }
            Err(_) => tokio::time::sleep(START_POLL).await,
        }
    }
}

async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists = sqlx::query_scalar!("select true from pg_database where datname = $1", name);
    if exists.fetch_optional(&mut *connection).await?.is_none() {
        // An identifier cannot be a parameter.
        let create = format!("create database \"{}\"", name.replace('"', "\"\""));
        sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await?;
    }
    Ok(())
}
