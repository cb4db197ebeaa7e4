//! The composition root: chooses the adapters, starts the parts, and stops them in turn.

use std::{convert::Infallible, process, time::Duration};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};

use crate::{
    app::{Adapters, FollowLog, ForgetKeys, Ports, Store},
    config::{COMMIT, Config, LogFormat},
    http::{AppState, HttpLimits, HttpMetrics, HttpSettings, MetricsRenderer, serve},
    infra::{
        self, EmbeddedPostgres, HttpPricing, InProcessBus, LogDir, MemoryStore, Metrics, PgStore, PoolSettings,
        Pricing, PricingSettings, StaticCatalogue, SystemClock, UuidV7,
    },
};

/// How long a shutdown waits for requests that were accepted. The rest of ten seconds is for the pool and the database.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(7);

/// How long the connections to the database may take to close after it.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// How long the private PostgreSQL may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// The database of the private PostgreSQL.
const DATABASE: &str = "orders";

/// How often old idempotency keys are looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Serves until SIGTERM or SIGINT; a second one ends the process at once.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let files = config.log_dir.clone().map(|path| LogDir { path, file_bytes: config.log_file_bytes });
    init_logging(&config, files);
    config.check()?;
    let mut stop = StopSignal::listen()?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), COMMIT);
    let pricing = pricing(&config)?.with_metrics(&metrics);
    if config.in_memory {
        log::warn!("orders are kept in memory and end with the process");
        return serve_store(&config, MemoryStore::default(), pricing, metrics, stop).await;
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
        () = stop.received() => return Ok(()),
    };
    migrated?;
    let pool = PoolSettings { max_connections: config.db_pool, acquire_timeout: config.db_acquire_timeout() };
    let store = PgStore::new(&options, pool).with_metrics(&metrics);
    let served = serve_store(&config, store.clone(), pricing, metrics, stop).await;
    // Nobody waits for an answer any more: what the database holds up is given up with the process.
    if tokio::time::timeout(CLOSES_WITHIN, store.close()).await.is_err() {
        log::warn!("the database does not let go of its connections: they end with the process");
    }
    stop_embedded(embedded).await?;
    log::info!("stopped");
    served
}

/// Holds the tables against the log and says what came of it on standard output; whether nothing is wrong.
pub async fn verify(config: &Config) -> anyhow::Result<bool> {
    // The files are the service's, which may be running.
    init_logging(config, None);
    let mut embedded = None;
    let options = match &config.database_url {
        Some(url) => url_options(url)?,
        // Started by the service, or else by this command for as long as it takes.
        None => match EmbeddedPostgres::running(&config.data_dir, DATABASE).await {
            Some(options) => options,
            None if EmbeddedPostgres::exists(&config.data_dir) => {
                embedded.insert(start_embedded(config).await?).options().clone()
            }
            None => anyhow::bail!("there is no DATABASE_URL, and no database in {}", config.data_dir.display()),
        },
    };
    let report = infra::verify(&options, |progress| eprintln!("{progress}")).await;
    stop_embedded(embedded).await?;
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

async fn stop_embedded(embedded: Option<EmbeddedPostgres>) -> anyhow::Result<()> {
    let Some(embedded) = embedded else { return Ok(()) };
    if !tokio::task::spawn_blocking(|| embedded.stop(STOPS_WITHIN)).await? {
        log::warn!("the private PostgreSQL has not stopped within {STOPS_WITHIN:?}: it goes on to its end");
    }
    Ok(())
}

fn url_options(url: &str) -> anyhow::Result<PgConnectOptions> {
    infra::connect_options(url).context("DATABASE_URL is not like postgres://user:password@host:port/database")
}

/// Waits for the database for as long as it takes; a migration that fails is not tried again.
async fn migrate(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut pause = Duration::from_millis(100);
    loop {
        match infra::migrate(options).await {
            Ok(applied) if applied.is_empty() => return Ok(()),
            Ok(applied) => {
                log::info!("applied migrations {applied:?}");
                return Ok(());
            }
            Err(error) if error.is_passing() => {
                let error = anyhow::Error::from(error);
                log::warn!("the database is not ready, next try in {pause:?}: {error:#}");
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
    mut stop: StopSignal,
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
    tasks.spawn(infra::log_events(ports.clone()));
    tasks.spawn(follow_log(ports.clone()));
    tasks.spawn(forget_keys(ports));
    tokio::select! {
        () = stop.received() => {}
        ended = &mut server => {
            ended??;
            anyhow::bail!("the server ended by itself");
        }
    }
    log::info!("stopping: no new connections, waiting for the requests under way");
    app.drain();
    tokio::spawn(async move {
        stop.received().await;
        log::warn!("stopped by a second signal");
        infra::flush_log();
        process::exit(130);
    });
    serving.handle.stop(true).await;
    tasks.shutdown().await;
    server.await??;
    Ok(())
}

/// Brings the events of this instance and of all others to the bus, for as long as the service runs.
async fn follow_log(ports: impl Ports) -> Infallible {
    FollowLog(&ports).run().await
}

/// Sweeps the idempotency keys of yesterday, for as long as the service runs.
async fn forget_keys(ports: impl Ports) -> Infallible {
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    loop {
        tick.tick().await;
        match ForgetKeys(&ports).execute().await {
            Ok(0) => {}
            Ok(forgotten) => log::info!(forgotten; "swept idempotency keys"),
            Err(error) => {
                log::warn!("the idempotency keys were not swept, the next try is in {SWEEP_EVERY:?}: {error}");
            }
        }
    }
}

struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
