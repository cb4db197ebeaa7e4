//! A private PostgreSQL from the binaries on the machine, for a start without configuration: reachable by a Unix socket only,
//! started again when it dies, stopped with the service, and kept in the data directory for the next start.

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

/// How long the end of PostgreSQL may take when nobody says how long.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A private PostgreSQL. It stops when this is dropped, and also when the process ends in any other way.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    supervisor: Supervisor,
    options: PgConnectOptions,
    database: String,
}

impl EmbeddedPostgres {
    /// Begins to start the PostgreSQL whose files are in `data_dir/postgres`, and creates them when there are none. `settings`
    /// are PostgreSQL's own, as `name=value`. `program` is the service's, whose `main` calls `launch_private_postgres`.
    pub fn start(program: &Path, data_dir: &Path, database: &str, settings: &[&str]) -> Result<Self, EmbeddedError> {
        let home = Home::prepare(data_dir)?;
        let options = bounded(connection_to(&home.sockets).database(database));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let supervisor = Supervisor::start(home, program.to_owned(), settings)?;
        Ok(Self { supervisor, options, database: database.to_owned() })
    }

    /// Waits until PostgreSQL accepts connections, and creates the database when there is none. `waiting` is called over and
    /// over with what the start waits for.
    pub async fn ready(&self, waiting: impl Fn(&str)) -> Result<(), EmbeddedError> {
        let admin = self.options.clone().database("postgres");
        let mut connection = loop {
            match self.supervisor.phase() {
                Phase::Failed(error) => return Err(error),
                Phase::Waiting(reason) => waiting(&reason),
                Phase::Starting | Phase::Ended => {}
                Phase::Running => match admin.connect().await {
                    Ok(connection) => break connection,
                    Err(error) => waiting(&format!("the private PostgreSQL to start: {}", short(&error))),
                },
            }
            tokio::time::sleep(START_POLL).await;
        };
        self.supervisor.has_started();
        let name = &self.database;
        let created = create_database(&mut connection, name).await;
        created.map_err(|source| EmbeddedError::CreateDatabase { name: name.clone(), source })
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

    /// How to reach the database.
    pub const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Stops with a checkpoint, and waits for the end; whether it has come within this time. PostgreSQL goes on to its end where
    /// it has not, and the next start in this directory waits for it.
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

/// The program of this process, to be started again as a launcher. Also where it was replaced or removed meanwhile.
pub fn own_program() -> std::io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}

fn connection_to(sockets: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(sockets).port(server::PORT).username(server::SUPERUSER)
}

/// What PostgreSQL says while it starts or recovers.
fn short(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
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
