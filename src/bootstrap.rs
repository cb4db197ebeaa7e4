//! The composition root: chooses the adapters, starts all parts, and stops them in order.

mod stop;

use std::{convert::Infallible, time::Duration};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinSet;

use crate::{
    app::{Adapters, FollowLog, ForgetKeys, Ports, Store},
    config::{COMMIT, Config, LogFormat},
    domain::OrderRules,
    http::{AppState, HttpLimits, HttpMetrics, HttpSettings, MetricsRenderer, serve},
    infra::{
        self, EmbeddedPostgres, HttpPricing, InProcessBus, LogDir, MemoryStore, Metrics, PgStore, PoolSettings,
        Pricing, PricingSettings, StaticCatalogue, SystemClock, UuidV7, keep_running,
    },
};

use stop::Stop;
pub use stop::flush_logging;

/// How long a shutdown waits for the accepted requests. The rest of ten seconds is for the pool and the database.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(7);

/// How long the connections to the database may then take to close.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// The server ends its connections at the end of `DRAIN_TIMEOUT`, and then itself.
const SERVER_TIMEOUT: Duration = Duration::from_millis(7300);

/// How long the private PostgreSQL may take to stop. The service has less time when it is asked to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// The name of the database in the private PostgreSQL.
const DATABASE: &str = "orders";

/// How often old idempotency keys are deleted.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Serves until SIGTERM or SIGINT. A second signal ends the process at once.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let files = config.log_dir.clone().map(|path| LogDir { path, file_bytes: config.log_file_bytes });
    init_logging(&config, files);
    config.check()?;
    let mut stop = Stop::listen()?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), COMMIT);
    let pricing = pricing(&config)?.with_metrics(&metrics);
    if config.in_memory {
        log::warn!("orders are stored in memory and are lost when the process ends");
        return serve_store(&config, MemoryStore::default(), pricing, metrics, &mut stop).await;
    }
    let embedded = match &config.database_url {
        Some(_) => None,
        None => Some(start_embedded(&config).await?),
    };
    let options = match (&embedded, &config.database_url) {
        (Some(embedded), _) => embedded.options().clone(),
        (None, url) => url_options(url.as_deref().unwrap_or_default())?,
    };
    let migrated = tokio::select! {
        migrated = migrate(&options) => migrated,
        () = stop.requested() => return Ok(()),
    };
    migrated?;
    let pool = PoolSettings { max_connections: config.db_pool, acquire_timeout: config.db_acquire_timeout() };
    let store = PgStore::new(&options, pool).with_metrics(&metrics);
    let served = serve_store(&config, store.clone(), pricing, metrics, &mut stop).await;
    // No request waits any more. A connection that PostgreSQL keeps busy ends with the process.
    if tokio::time::timeout(stop.time_left(CLOSES_WITHIN), store.close()).await.is_err() {
        log::warn!("the connections to the database do not close within {CLOSES_WITHIN:?}; they end with the process");
    }
    stop_embedded(embedded, stop.time_left(STOPS_WITHIN)).await?;
    log::info!("stopped");
    served
}

/// Checks every order against the event log and prints the result to standard output. `true` if nothing is wrong.
pub async fn verify(config: &Config) -> anyhow::Result<bool> {
    // The log files belong to the service, which may be running.
    init_logging(config, None);
    let mut embedded = None;
    let options = match &config.database_url {
        Some(url) => url_options(url)?,
        // A running service has started it. If not, this command starts it, and stops it afterwards.
        None => match EmbeddedPostgres::running(&config.data_dir, DATABASE).await {
            Some(options) => options,
            None if EmbeddedPostgres::exists(&config.data_dir) => {
                embedded.insert(start_embedded(config).await?).options().clone()
            }
            None => anyhow::bail!("there is no DATABASE_URL, and no database in {}", config.data_dir.display()),
        },
    };
    let report = infra::verify(&options, |progress| eprintln!("{progress}")).await;
    stop_embedded(embedded, STOPS_WITHIN).await?;
    let report = report?;
    println!("{report}");
    Ok(report.is_clean())
}

fn init_logging(config: &Config, files: Option<LogDir>) {
    let format = match config.log_format {
        LogFormat::Pretty => infra::LogFormat::Pretty,
        LogFormat::Json => infra::LogFormat::Json,
    };
    infra::init_logging(format, files);
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

async fn start_embedded(config: &Config) -> anyhow::Result<EmbeddedPostgres> {
    let program = infra::own_program().context("the path of the service's own program")?;
    let embedded = EmbeddedPostgres::start(&program, &config.data_dir, DATABASE, &[])?;
    embedded.ready(|_| {}).await?;
    Ok(embedded)
}

async fn stop_embedded(embedded: Option<EmbeddedPostgres>, within: Duration) -> anyhow::Result<()> {
    let Some(embedded) = embedded else { return Ok(()) };
    if !tokio::task::spawn_blocking(move || embedded.stop(within)).await? {
        log::warn!("the private PostgreSQL has not stopped within {within:?} and continues to shut down");
    }
    Ok(())
}

fn url_options(url: &str) -> anyhow::Result<PgConnectOptions> {
    infra::connect_options(url).context("DATABASE_URL is not of the form postgres://user:password@host:port/database")
}

/// Waits for the database without a limit. A migration that fails is not tried again.
async fn migrate(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut pause = Duration::from_millis(100);
    loop {
        match infra::migrate(options).await {
            Ok(applied) if applied.is_empty() => return Ok(()),
            Ok(applied) => {
                log::info!("applied migrations {applied:?}");
                return Ok(());
            }
            Err(error) if error.is_temporary() => {
                let error = anyhow::Error::from(error);
                log::warn!("the database is not ready; the next attempt is in {pause:?}: {error:#}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn serve_store<S>(
    config: &Config,
    store: S,
    pricing: Pricing,
    telemetry: Metrics,
    stop: &mut Stop,
) -> anyhow::Result<()>
where
    S: Store,
{
    let seconds = Duration::from_secs;
    let limits = HttpLimits {
        body_bytes: config.max_body_bytes as usize,
        header_bytes: config.max_header_bytes as usize,
        body_time: seconds(config.client_timeout_secs),
        heartbeat: seconds(config.heartbeat_secs),
        waiting_clients: config.max_connections.div_ceil(2) as usize,
    };
    let ports = Adapters {
        store,
        pricing,
        clock: SystemClock,
        ids: UuidV7,
        bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
        telemetry,
        rules: OrderRules::DEFAULT,
    };
    let (http_metrics, rendered) = (HttpMetrics::default(), ports.telemetry.clone());
    rendered.register(|registry| http_metrics.register(registry));
    let render = MetricsRenderer::new(move || rendered.render());
    let app = AppState::new(ports.clone(), limits, http_metrics, render);
    let settings = HttpSettings {
        bind: config.bind,
        static_dir: config.static_dir.clone(),
        cors_origins: config.cors_origins.clone(),
        max_connections: config.max_connections as usize,
        keep_alive: seconds(config.keep_alive_secs),
        head_timeout: seconds(config.client_timeout_secs),
        send_timeout: seconds(config.send_timeout_secs),
        drain_timeout: DRAIN_TIMEOUT,
    };
    let serving = serve(app.clone(), settings).with_context(|| format!("ORDERS_BIND={}", config.bind))?;
    log::info!("listening on http://{}", serving.address);
    let mut server = tokio::spawn(serving.server.into_future());
    let mut tasks = JoinSet::new();
    // On this one thread, like the tasks of the store: see `main`.
    let [logged, followed, swept] = [ports.clone(), ports.clone(), ports];
    tasks.spawn(keep_running("the event sink \"log\"", move || infra::log_events(logged.clone())));
    tasks.spawn(keep_running("the follower of the event log", move || follow_log(followed.clone())));
    tasks.spawn(keep_running("the sweep of idempotency keys", move || forget_keys(swept.clone())));
    tokio::select! {
        () = stop.requested() => {}
        ended = &mut server => {
            ended??;
            anyhow::bail!("the HTTP server ended without a signal");
        }
        Some(ended) = tasks.join_next() => {
            let Err(error) = ended;
            return Err(error).context("a background task ended");
        }
    }
    log::info!("stopping: accepting no new connections, waiting for the requests in progress");
    app.drain();
    let stopped = async {
        serving.handle.stop(true).await;
        tasks.shutdown().await;
        server.await
    };
    match tokio::time::timeout(stop.time_left(SERVER_TIMEOUT), stopped).await {
        Ok(stopped) => stopped??,
        Err(_) => log::warn!("requests under way are given up"),
    }
    Ok(())
}

/// Publishes the events of all instances on the bus of this process, for as long as the service runs.
async fn follow_log(ports: impl Ports) -> Infallible {
    FollowLog(&ports).run().await
}

/// Deletes old idempotency keys, for as long as the service runs.
async fn forget_keys(ports: impl Ports) -> Infallible {
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    loop {
        tick.tick().await;
        match ForgetKeys(&ports).execute().await {
            Ok(0) => {}
            Ok(forgotten) => log::info!(forgotten; "deleted old idempotency keys"),
            Err(error) => {
                log::warn!("cannot delete old idempotency keys; the next attempt is in {SWEEP_EVERY:?}: {error}");
            }
        }
    }
}
