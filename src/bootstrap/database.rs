//! The database of the service: its own, or the one of `DATABASE_URL`.

use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;

use crate::{
    config::Config,
    infra::{self, EmbeddedPostgres},
};

use super::progress::Progress;

/// The name of the database in the private PostgreSQL.
const NAME: &str = "orders";

/// A PostgreSQL, and how to reach it.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// Begins to start the private PostgreSQL where there is no `DATABASE_URL`.
    pub(super) fn begin(config: &Config) -> anyhow::Result<Self> {
        match &config.database_url {
            Some(url) => Ok(Self { options: url_options(url)?, embedded: None }),
            None => Self::begin_embedded(config),
        }
    }

    /// What is there already, for a command beside the service: its private PostgreSQL may run or not.
    pub(super) async fn existing(config: &Config) -> anyhow::Result<Self> {
        if config.database_url.is_some() {
            return Self::begin(config);
        }
        // A running service has started it. If not, this command starts it, and stops it afterwards.
        match EmbeddedPostgres::running(&config.data_dir, NAME).await {
            Some(options) => Ok(Self { options, embedded: None }),
            None if EmbeddedPostgres::exists(&config.data_dir) => {
                let database = Self::begin_embedded(config)?;
                database.ready(|_| {}).await?;
                Ok(database)
            }
            None => anyhow::bail!("there is no DATABASE_URL, and no database in {}", config.data_dir.display()),
        }
    }

    /// For a command that also works on a fresh database, beside the service or without it.
    pub(super) async fn for_command(config: &Config) -> anyhow::Result<Self> {
        if config.database_url.is_some() {
            return Self::begin(config);
        }
        if let Some(options) = EmbeddedPostgres::running(&config.data_dir, NAME).await {
            return Ok(Self { options, embedded: None });
        }
        let database = Self::begin_embedded(config)?;
        database.ready(|_| {}).await?;
        Ok(database)
    }

    fn begin_embedded(config: &Config) -> anyhow::Result<Self> {
        let program = infra::own_program().context("the path of the service's own program")?;
        let embedded = EmbeddedPostgres::start(&program, &config.data_dir, NAME, &[])?;
        Ok(Self { options: embedded.options().clone(), embedded: Some(embedded) })
    }

    async fn ready(&self, waiting: impl Fn(&str)) -> anyhow::Result<()> {
        match &self.embedded {
            Some(embedded) => Ok(embedded.ready(waiting).await?),
            None => Ok(()),
        }
    }

    /// Waits for the database for as long as it takes, and brings its schema up to date.
    pub(super) async fn open(&self, progress: Progress) -> anyhow::Result<()> {
        self.ready(|reason| progress.is_not_ready(reason)).await?;
        let applied = infra::migrate(&self.options, |reason| progress.is_not_ready(reason)).await?;
        if !applied.is_empty() {
            log::info!("applied migrations {applied:?}");
        }
        Ok(())
    }

    /// Stops the private PostgreSQL.
    pub(super) async fn stop(self, within: Duration) -> anyhow::Result<()> {
        let Some(embedded) = self.embedded else { return Ok(()) };
        if !tokio::task::spawn_blocking(move || embedded.stop(within)).await? {
            log::warn!("the private PostgreSQL has not stopped within {within:?} and continues to shut down");
        }
        Ok(())
    }
}

fn url_options(url: &str) -> anyhow::Result<PgConnectOptions> {
    infra::connect_options(url).context("DATABASE_URL is not of the form postgres://user:password@host:port/database")
}
