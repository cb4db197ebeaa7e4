use std::{future::IntoFuture, time::Duration};

use orders::{
    app::{Adapters, PricingService, Store, TailEventLog},
    domain::OrderRules,
    http::{
        AllowedHosts, AppState, BasePath, HttpLimits, HttpMetrics, HttpSettings, MetricsRenderer, TrustedProxies, serve,
    },
    infra::{
        Access, AccessSettings, InProcessBus, LimitSettings, Limits, MemoryStore, Metrics, StaticCatalogue,
        SystemClock, UuidV7,
    },
};

use crate::{
    helpers::Api,
    support::{adapters::no_limits, project},
};

/// Longer than any test takes.
const NO_TIMEOUT: Duration = Duration::from_mins(10);
const HEARTBEAT: Duration = Duration::from_millis(200);
/// The service believes what a proxy there says about its clients.
const PROXY: &str = "127.0.0.1/32";
/// How many clients may wait for events.
pub(crate) const WAITING_CLIENTS: usize = 95;

/// The one place that builds the adapters, the limits and the server of a test. Each part has a default.
pub(crate) struct ApiBuilder<P = StaticCatalogue> {
    pricing: P,
    bus: InProcessBus,
    metrics: Metrics,
    head_timeout: Duration,
    body_timeout: Duration,
    send_timeout: Duration,
    keep_alive: Duration,
    max_connections: usize,
    heartbeat: Duration,
    waiting_clients: usize,
    base_path: &'static str,
    access: AccessSettings,
    limits: LimitSettings,
}

impl Default for ApiBuilder {
    fn default() -> Self {
        Self {
            pricing: StaticCatalogue::built_in().unwrap(),
            bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
            metrics: Metrics::new("0", "test"),
            head_timeout: NO_TIMEOUT,
            body_timeout: NO_TIMEOUT,
            send_timeout: NO_TIMEOUT,
            keep_alive: NO_TIMEOUT,
            max_connections: 100,
            heartbeat: HEARTBEAT,
            waiting_clients: WAITING_CLIENTS,
            base_path: "",
            access: AccessSettings::default(),
            limits: no_limits(),
        }
    }
}

impl<P: PricingService> ApiBuilder<P> {
    pub(crate) fn pricing<Q: PricingService>(self, pricing: Q) -> ApiBuilder<Q> {
        let Self {
            pricing: _,
            bus,
            metrics,
            head_timeout,
            body_timeout,
            send_timeout,
            keep_alive,
            max_connections,
            heartbeat,
            waiting_clients,
            base_path,
            access,
            limits: quotas,
        } = self;
        ApiBuilder {
            pricing,
            bus,
            metrics,
            head_timeout,
            body_timeout,
            send_timeout,
            keep_alive,
            max_connections,
            heartbeat,
            waiting_clients,
            base_path,
            access,
            limits: quotas,
        }
    }

    pub(crate) fn bus(self, bus: InProcessBus) -> Self {
        Self { bus, ..self }
    }

    pub(crate) fn metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    pub(crate) fn head_timeout(self, head_timeout: Duration) -> Self {
        Self { head_timeout, ..self }
    }

    pub(crate) fn body_timeout(self, body_timeout: Duration) -> Self {
        Self { body_timeout, ..self }
    }

    pub(crate) fn send_timeout(self, send_timeout: Duration) -> Self {
        Self { send_timeout, ..self }
    }

    pub(crate) fn keep_alive(self, keep_alive: Duration) -> Self {
        Self { keep_alive, ..self }
    }

    pub(crate) fn max_connections(self, max_connections: usize) -> Self {
        Self { max_connections, ..self }
    }

    pub(crate) fn heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    pub(crate) fn waiting_clients(self, waiting_clients: usize) -> Self {
        Self { waiting_clients, ..self }
    }

    /// A proxy that removes this path is in front of the service.
    pub(crate) fn base_path(self, base_path: &'static str) -> Self {
        Self { base_path, ..self }
    }

    pub(crate) fn access(self, access: AccessSettings) -> Self {
        Self { access, ..self }
    }

    pub(crate) fn limits(self, limits: LimitSettings) -> Self {
        Self { limits, ..self }
    }

    /// Starts the service on an empty store in memory.
    pub(crate) fn start(self) -> Api {
        self.start_on(MemoryStore::default())
    }

    pub(crate) fn start_on(self, store: impl Store) -> Api {
        let Self {
            pricing,
            bus,
            metrics,
            head_timeout,
            body_timeout,
            send_timeout,
            keep_alive,
            max_connections,
            heartbeat,
            waiting_clients,
            base_path,
            access,
            limits: quotas,
        } = self;
        let ports = Adapters {
            access: Access::new(store.clone(), access).unwrap(),
            limits: Limits::new(quotas, "test".to_owned()).unwrap(),
            store,
            pricing,
            clock: SystemClock,
            ids: UuidV7,
            bus,
            telemetry: metrics.clone(),
            rules: OrderRules::DEFAULT,
        };
        let limits = HttpLimits {
            body_bytes: 64 * 1024,
            header_bytes: 16 * 1024,
            body_time: body_timeout,
            heartbeat,
            waiting_clients,
        };
        let settings = HttpSettings {
            bind: "127.0.0.1:0".parse().unwrap(),
            static_dir: project().join("static"),
            base_path: BasePath::new(base_path),
            cors_origins: vec!["https://shop.example.com".to_owned()],
            allowed_hosts: AllowedHosts::new([127, 0, 0, 1].into(), &["Orders.example.com".to_owned()]),
            max_connections,
            keep_alive,
            head_timeout,
            send_timeout,
            drain_timeout: Duration::from_secs(5),
        };
        let proxies = TrustedProxies::new(vec![PROXY.parse().unwrap()]);
        let http_metrics = HttpMetrics::default();
        metrics.register(|registry| http_metrics.register(registry));
        let render = MetricsRenderer::new(move || metrics.render());
        let state = AppState::new(ports.clone(), limits, proxies, http_metrics, render);
        let serving = serve(state, settings).unwrap();
        tokio::spawn(ports.access.clone().refresh_jwks());
        tokio::spawn(async move { TailEventLog(&ports).run().await });
        tokio::spawn(serving.server.into_future());
        Api::new(format!("http://{}", serving.address))
    }
}
