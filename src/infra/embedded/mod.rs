//! A private PostgreSQL from the binaries on this machine, for a start without configuration. It listens on a Unix socket
//! only, starts again when it ends unexpectedly, stops with the service, and keeps its files in the data directory.

mod binaries;
mod cluster;
mod error;
mod home;
mod launcher;
mod lock;
mod pid_file;
mod server;
mod settings;
mod supervisor;
mod user;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

use super::postgres::bounded;
pub use error::EmbeddedError;
use home::Home;
pub use launcher::launch as launch_private_postgres;
use supervisor::{Phase, Supervisor};

const START_POLL: Duration = Duration::from_millis(20);

/// How long `drop` waits for the end of PostgreSQL.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A private PostgreSQL. It stops when this value is dropped, and when the process ends in any other way.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    supervisor: Supervisor,
    options: PgConnectOptions,
    database: String,
}

impl EmbeddedPostgres {
    /// Begins to start the PostgreSQL whose files are in `data_dir/postgres`, and creates the files if they do not exist.
    /// `settings` are settings of PostgreSQL as `name=value`. `program` is the program of the service, whose `main` calls
    /// `launch_private_postgres`.
    pub fn start(program: &Path, data_dir: &Path, database: &str, settings: &[&str]) -> Result<Self, EmbeddedError> {
        let home = Home::prepare(data_dir)?;
        let options = bounded(connection_to(&home.sockets).database(database));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let supervisor = Supervisor::start(home, program.to_owned(), settings)?;
        Ok(Self { supervisor, options, database: database.to_owned() })
    }

    /// Waits until PostgreSQL accepts connections, and creates the database if it does not exist. Calls `waiting` repeatedly
    /// with the reason of the wait.
    pub async fn ready(&self, waiting: impl Fn(&str)) -> Result<(), EmbeddedError> {
        let admin = self.options.clone().database("postgres");
        let mut connection = loop {
            match self.supervisor.phase() {
                Phase::Failed(error) => return Err(error),
                Phase::Waiting(reason) => waiting(&reason),
                Phase::Starting | Phase::Ended => {}
                Phase::Running => match admin.connect().await {
                    Ok(connection) => break connection,
                    Err(error) => waiting(&format!("the private PostgreSQL starts: {}", short(&error))),
                },
            }
            tokio::time::sleep(START_POLL).await;
        };
        self.supervisor.has_started();
        let name = &self.database;
        let created = create_database(&mut connection, name).await;
        created.map_err(|source| EmbeddedError::CreateDatabase { name: name.clone(), source })
    }

    /// How to connect to the database `name` of a private PostgreSQL that another process has started. `None` if none
    /// responds.
    pub async fn running(data_dir: &Path, name: &str) -> Option<PgConnectOptions> {
        let options = bounded(connection_to(&Home::sockets_of(data_dir)?).database(name));
        options.connect().await.ok().map(|_| options)
    }

    /// Whether the directory has the files of a private PostgreSQL.
    pub fn exists(data_dir: &Path) -> bool {
        Home::sockets_of(data_dir).is_some()
    }

    /// How to connect to the database.
    pub const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Stops PostgreSQL with a checkpoint. `true` if it has ended within this time. If not, it continues to shut down, and the
    /// next start in this directory waits for it.
    pub fn stop(self, within: Duration) -> bool {
        self.supervisor.stop(within)
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if !self.supervisor.is_stopping() && !self.supervisor.stop(STOP_TIMEOUT) {
            log::warn!("the private PostgreSQL has not stopped within {STOP_TIMEOUT:?}");
        }
    }
}

/// The program of this process, which also is the launcher. On Linux it works even after the file was replaced or removed.
pub fn own_program() -> std::io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}

fn connection_to(sockets: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(sockets).port(server::PORT).username(server::SUPERUSER)
}

/// The message of PostgreSQL while it starts or recovers.
fn short(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists = sqlx::query_scalar!("select true from pg_database where datname = $1", name);
    if exists.fetch_optional(&mut *connection).await?.is_none() {
        // PostgreSQL takes no parameter in the place of an identifier.
        let create = format!("create database \"{}\"", name.replace('"', "\"\""));
        sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await?;
    }
    Ok(())
}
