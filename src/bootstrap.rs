//! The composition root: chooses the adapters, starts all parts, and stops them in order.

mod access;
mod database;
mod keys;
mod open_files;
mod progress;
mod serving;
mod sinks;
mod stop;

use std::{pin::Pin, time::Duration};

use anyhow::Context;

use crate::{
    config::{COMMIT, Config, KeysCommand, LogFormat, ReadModel, SinksCommand},
    infra::{
        self, HttpPricing, LogDir, MemoryStore, Metrics, OrderStatsProjection, PgStore, PoolSettings, Pricing,
        PricingSettings, RebuiltStats, StaticCatalogue,
    },
};

use database::Database;
use serving::{ServiceAdapters, adapters, serve_store};
use sinks::Sinks;
use stop::Stop;
pub use stop::flush_logging;

/// How long the connections to the database may take to close after the last request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the private PostgreSQL may take to stop. The service has less time when it is asked to stop.
const DATABASE_STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A future that this crate compiles. The compiler would compile the body of an `async fn` again, with everything that it
/// waits for, in the crate that calls it: that took 40 of 95 processor seconds of a release build.
type Work<'c, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + 'c>>;

/// Serves until SIGTERM or SIGINT. A second signal ends the process at once.
pub fn run(config: Config) -> Work<'static, ()> {
    Box::pin(run_service(config))
}

/// Checks every order against the event log and prints the result to standard output. `true` if nothing is wrong.
pub fn verify(config: &Config) -> Work<'_, bool> {
    Box::pin(verify_database(config))
}

/// Carries out a command about API keys.
pub fn keys(config: &Config, command: KeysCommand) -> Work<'_, ()> {
    Box::pin(async { on_database(config, async |ports| keys::manage(&ports, command).await).await })
}

/// Carries out a command about sinks.
pub fn sinks(config: &Config, command: SinksCommand) -> Work<'_, ()> {
    Box::pin(async { on_database(config, async |ports| sinks::manage(&ports, command).await).await })
}

/// Builds a read model anew, and prints to standard output what it has then.
pub fn rebuild(config: &Config, model: ReadModel) -> Work<'_, ()> {
    Box::pin(async move {
        let ReadModel::Stats = model;
        let rebuild = async |ports: ServiceAdapters<PgStore>| {
            let RebuiltStats { rows, position } = ports.store.rebuild_order_stats().await?;
            println!("order_stats has {rows} rows, and holds up to position {position}");
            Ok(())
        };
        on_database(config, rebuild).await
    })
}

async fn run_service(mut config: Config) -> anyhow::Result<()> {
    let files = config.log_dir.clone().map(|path| LogDir { path, file_bytes: config.log_file_bytes });
    init_logging(&config, files)?;
    config.check()?;
    check_static_dir(&config)?;
    config.max_connections = open_files::max_connections(&config);
    let mut stop = Stop::listen()?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), COMMIT);
    let pricing = pricing(&config)?.with_metrics(&metrics);
    if config.in_memory {
        log::warn!("orders are stored in memory and are lost when the process ends");
        let sinks = Sinks::new(&config, &metrics, None)?;
        return serve_store(&config, MemoryStore::default(), pricing, metrics, sinks, &mut stop, async |_| Ok(()))
            .await;
    }
    let database = Database::begin(&config)?;
    let pool = PoolSettings { max_connections: config.db_pool, acquire_timeout: config.db_acquire_timeout() };
    let store = PgStore::new(&database.options, pool).with_metrics(&metrics);
    let sinks = Sinks::new(&config, &metrics, Some(OrderStatsProjection::new(store.clone())))?;
    let open = async |progress| database.open(progress).await;
    let served = serve_store(&config, store.clone(), pricing, metrics, sinks, &mut stop, open).await;
    // No request waits any more. A connection that PostgreSQL keeps busy ends with the process.
    if tokio::time::timeout(stop.time_left(CLOSE_TIMEOUT), store.close()).await.is_err() {
        log::warn!("the connections to the database do not close within {CLOSE_TIMEOUT:?}; they end with the process");
    }
    database.stop(stop.time_left(DATABASE_STOP_TIMEOUT)).await?;
    log::info!("stopped");
    served
}

async fn verify_database(config: &Config) -> anyhow::Result<bool> {
    // The log files belong to the service, which may be running.
    init_logging(config, None)?;
    let database = Database::existing(config).await?;
    let report = infra::verify(&database.options, |progress| eprintln!("{progress}")).await;
    database.stop(DATABASE_STOP_TIMEOUT).await?;
    let report = report?;
    println!("{report}");
    Ok(report.is_clean())
}

/// Does the work of a command on the database of the service, which may be running.
async fn on_database(
    config: &Config,
    work: impl AsyncFnOnce(ServiceAdapters<PgStore>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // The log files belong to the service, which may be running.
    init_logging(config, None)?;
    let database = Database::for_command(config).await?;
    let done = async {
        infra::migrate(&database.options, |reason| eprintln!("not ready yet: {reason}")).await?;
        let pool = PoolSettings { max_connections: 4, acquire_timeout: config.db_acquire_timeout() };
        let store = PgStore::new(&database.options, pool);
        let ports = adapters(config, store.clone(), pricing(config)?, Metrics::new(env!("CARGO_PKG_VERSION"), COMMIT))?;
        let done = work(ports).await;
        store.close().await;
        done
    };
    let done = done.await;
    database.stop(DATABASE_STOP_TIMEOUT).await?;
    done
}

/// The console is a part of the service: a typing error here would be found by its users.
fn check_static_dir(config: &Config) -> anyhow::Result<()> {
    let dir = config.static_dir.display();
    let found = std::fs::File::open(config.static_dir.join("index.html"));
    found.map(drop).with_context(|| {
        format!("ORDERS_STATIC_DIR={dir} has no index.html: name the directory with the files of the console, `static` in the sources")
    })
}

fn init_logging(config: &Config, files: Option<LogDir>) -> anyhow::Result<()> {
    let format = match config.log_format {
        LogFormat::Pretty => infra::LogFormat::Pretty,
        LogFormat::Json => infra::LogFormat::Json,
    };
    Ok(infra::init_logging(format, files)?)
}

fn pricing(config: &Config) -> anyhow::Result<Pricing> {
    if let Some(url) = &config.pricing_url {
        let settings = PricingSettings::new(config.pricing_timeout());
        return Ok(Pricing::Http(HttpPricing::new(url, settings).context("ORDERS_PRICING_URL")?));
    }
    let catalogue = match &config.catalogue {
        Some(path) => StaticCatalogue::read(path).with_context(|| format!("ORDERS_CATALOGUE={}", path.display()))?,
        None => StaticCatalogue::built_in()?,
    };
    Ok(Pricing::Catalogue(catalogue))
}
