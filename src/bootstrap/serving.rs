//! Serves the API over a store: from before the store is there to the end of a stop.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::{
    app::{Adapters, ForgetKeys, Ports, RepoError, Store, TailEventLog},
    config::Config,
    domain::OrderRules,
    http::{
        self, AdminServer, AllowedHosts, AppState, BasePath, HttpLimits, HttpMetrics, HttpSettings, MetricsRenderer,
        TrustedProxies, serve,
    },
    infra::{Access, InProcessBus, Limits, Metrics, Pricing, SystemClock, UuidV7, keep_running},
};

use super::{
    access,
    progress::Progress,
    sinks::{RelayThread, Sinks},
    stop::Stop,
};

/// How long a stop waits for the accepted requests. The rest of ten seconds is for the connections and the database.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(7);

/// The server ends its connections at the end of that time, and then itself.
const SERVER_TIMEOUT: Duration = Duration::from_millis(7300);

/// How often old idempotency keys are deleted.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Listens at once, serves when `open` says that the store is there, and returns when it has stopped. It ends with the error of
/// `open`, which is not called again.
pub(super) async fn serve_store<S: Store>(
    config: &Config,
    store: S,
    pricing: Pricing,
    telemetry: Metrics,
    sinks: Sinks,
    stop: &mut Stop,
    open: impl AsyncFnOnce(Progress) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let bootstrap_key = access::bootstrap_key(config)?;
    let ports = adapters(config, store, pricing, telemetry)?;
    let (jwks, limits) = (ports.access.clone(), ports.limits.clone());
    ports.telemetry.before_rendering(move |metrics| {
        metrics.set_jwks_age(jwks.jwks_age());
        metrics.set_limit_instances(limits.sharing());
    });
    let app = app_state(config, &ports);
    app.starts("the store is not open");
    let serving = serve(app.clone(), settings(config)).with_context(|| format!("ORDERS_BIND={}", config.bind))?;
    let address = serving.address;
    log::info!("listening on http://{address}");
    let admin = config.access.admin_bind.map(|bind| serve_admin(&app, bind)).transpose()?;
    let mut server = tokio::spawn(serving.server.into_future());
    let mut tasks = JoinSet::new();
    let mut relay = None;
    let starting = app.clone();
    let work = async {
        open(Progress::new(move |reason| starting.starts(reason))).await?;
        if let Some(key) = bootstrap_key {
            access::create_first_key(&ports.access, key).await?;
        }
        // On this one thread, like the tasks of the store: see `main`.
        let (used, refreshed, shared) = (ports.access.clone(), ports.access.clone(), ports.limits.clone());
        tasks.spawn(keep_running("the record of used keys", move || used.clone().record_uses()));
        tasks.spawn(keep_running("the keys of the identity provider", move || refreshed.clone().refresh_jwks()));
        tasks.spawn(keep_running("the shared limits", move || shared.clone().keep_connected()));
        relay = Some(RelayThread::start(&ports, sinks).await?);
        let [followed, swept] = [ports.clone(), ports];
        tasks.spawn(keep_running("the follower of the event log", move || follow_log(followed.clone())));
        tasks.spawn(keep_running("the sweep of idempotency keys", move || forget_keys(swept.clone())));
        app.has_started();
        log::info!("ready for requests on http://{address}");
        match tasks.join_next().await {
            Some(Err(error)) => Err(error).context("a background task ended"),
            None => std::future::pending().await,
        }
    };
    let ended: anyhow::Result<()> = tokio::select! {
        () = stop.requested() => Ok(()),
        ended = &mut server => {
            ended??;
            anyhow::bail!("the HTTP server ended without a signal");
        }
        failed = work => failed,
    };
    log::info!("stopping: accepting no new connections, waiting for the requests in progress");
    app.drain();
    let stopped = async {
        serving.handle.stop(true).await;
        if let Some(admin) = admin {
            admin.handle.stop(true).await;
        }
        if let Some(relay) = relay {
            relay.stop().await;
        }
        tasks.shutdown().await;
        server.await
    };
    match tokio::time::timeout(stop.time_left(SERVER_TIMEOUT), stopped).await {
        Ok(stopped) => stopped??,
        Err(_) => log::warn!("the requests in progress take too long; they end with the process"),
    }
    ended
}

/// One adapter for each port.
pub(super) fn adapters<S: Store>(
    config: &Config,
    store: S,
    pricing: Pricing,
    telemetry: Metrics,
) -> anyhow::Result<ServiceAdapters<S>> {
    Ok(Adapters {
        access: access::access(config, store.clone())?,
        limits: access::limits(config)?,
        store,
        pricing,
        clock: SystemClock,
        ids: UuidV7,
        bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
        telemetry,
        rules: OrderRules::DEFAULT,
    })
}

pub(super) type ServiceAdapters<S> =
    Adapters<S, Pricing, SystemClock, UuidV7, InProcessBus, Metrics, Access<S>, Limits>;

/// The metrics and the health on an address of their own, without credentials.
fn serve_admin<P: Ports>(app: &AppState<P>, bind: SocketAddr) -> anyhow::Result<AdminServer> {
    let admin = http::serve_admin(app.clone(), bind).with_context(|| format!("ORDERS_ADMIN_BIND={bind}"))?;
    log::info!("metrics and health are on http://{}", admin.address);
    Ok(admin)
}

fn app_state<P>(config: &Config, ports: &P) -> AppState<P>
where
    P: Ports<Telemetry = Metrics>,
{
    let seconds = Duration::from_secs;
    let limits = HttpLimits {
        body_bytes: config.max_body_bytes as usize,
        header_bytes: config.max_header_bytes as usize,
        body_time: seconds(config.client_timeout_secs),
        heartbeat: seconds(config.heartbeat_secs),
        waiting_clients: config.max_connections.div_ceil(2) as usize,
    };
    let (http_metrics, rendered) = (HttpMetrics::default(), ports.telemetry().clone());
    rendered.register(|registry| http_metrics.register(registry));
    let render = MetricsRenderer::new(move || rendered.render());
    let proxies = TrustedProxies::new(config.access.trusted_proxies.clone());
    AppState::new(ports.clone(), limits, proxies, http_metrics, render)
}

fn settings(config: &Config) -> HttpSettings {
    let seconds = Duration::from_secs;
    HttpSettings {
        bind: config.bind,
        static_dir: config.static_dir.clone(),
        base_path: BasePath::new(&config.base_path),
        cors_origins: config.cors_origins.clone(),
        allowed_hosts: AllowedHosts::new(config.bind.ip(), &config.allowed_hosts),
        max_connections: config.max_connections as usize,
        keep_alive: seconds(config.keep_alive_secs),
        head_timeout: seconds(config.client_timeout_secs),
        send_timeout: seconds(config.send_timeout_secs),
        drain_timeout: DRAIN_TIMEOUT,
    }
}

/// Publishes the events of all instances on the bus of this process, for as long as the service runs.
async fn follow_log(ports: impl Ports) -> Infallible {
    TailEventLog(&ports).run().await
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
                // The log has a line about an outage already.
                let is_outage = matches!(error, RepoError::Unavailable(_));
                let level = if is_outage { log::Level::Info } else { log::Level::Warn };
                log::log!(level, "cannot delete old idempotency keys; the next attempt is in {SWEEP_EVERY:?}: {error}");
            }
        }
    }
}
