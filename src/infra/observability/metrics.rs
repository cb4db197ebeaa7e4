use std::{
    fmt::{self, Write},
    ops::Add,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    app::{Answer, Telemetry},
    domain::OrderEventKind,
    infra::{BreakerState, PricingOutcomes},
};

use super::process;

/// What this process has counted since it began, for `/metrics`.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    commits: Counter,
    commit_sizes: Histogram,
    commit_waits: Histogram,
    conflicts: Counter,
    retries: Counter,
    replays: Counter,
    events: Family<TypeLabels, Counter>,
    log_position: Gauge,
    sink_lags: Family<SinkLabels, Gauge>,
    streams: Gauge,
    ready: Gauge,
    connections: Family<ConnectionLabels, Gauge>,
    connections_max: Family<PoolLabels, Gauge>,
    pricing: Family<OutcomeLabels, Counter>,
    breaker: Family<StateLabels, Gauge>,
    process: ProcessGauges,
    /// Brings gauges up to date before they are told.
    observers: Mutex<Vec<Observer>>,
}

type Observer = Box<dyn Fn(&Metrics) + Send>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    pool: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    commit: &'static str,
}

#[derive(Default)]
struct ProcessGauges {
    resident: Gauge,
    cpu: Counter<f64, AtomicU64>,
    fds: Gauge,
    max_fds: Gauge,
    started: Gauge<f64, AtomicU64>,
}

/// In seconds: an order is taken in milliseconds, and what takes more than ten seconds was given up.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Of a batch.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How it is with connections to the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolUse {
    pub(crate) idle: u32,
    pub(crate) used: u32,
    pub(crate) max: u32,
}

impl Add for PoolUse {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { idle: self.idle + other.idle, used: self.used + other.used, max: self.max + other.max }
    }
}

impl Metrics {
    /// `version` and `commit` say what runs here.
    pub fn new(version: &'static str, commit: &'static str) -> Self {
        let mut registry = Registry::default();
        let orders = registry.sub_registry_with_prefix("orders");
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version, commit }).set(1);
        orders.register("build_info", "What runs here", build);
        macro_rules! metric {
            ($name:literal, $help:literal) => {
                metric!($name, $help, Default::default())
            };
            ($name:literal, $help:literal, $metric:expr) => {{
                let metric = $metric;
                orders.register($name, $help, Clone::clone(&metric));
                metric
            }};
        }
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let inner = Inner {
            requests: metric!("http_requests", "Requests that were answered"),
            durations: metric!(
                "http_request_duration_seconds",
                "How long requests took until the head of the answer",
                Family::new_with_constructor(histogram)
            ),
            in_flight: metric!("http_requests_in_flight", "Requests that are not answered yet"),
            commits: metric!("commits", "Transactions that were committed"),
            commit_sizes: metric!(
                "commit_batch_size",
                "How many units of work a transaction committed",
                Histogram::new(SIZES)
            ),
            commit_waits: metric!(
                "commit_wait_seconds",
                "How long units of work waited for the transaction that writes them",
                Histogram::new(BUCKETS)
            ),
            conflicts: metric!("conflicts", "Changes that somebody else was faster than"),
            retries: metric!("retries", "Changes that were decided anew after a lost race"),
            replays: metric!("idempotent_replays", "Repetitions that were answered as before"),
            events: metric!("events_written", "Events that this instance wrote"),
            log_position: metric!("log_position", "The newest position that this instance has told its subscribers"),
            sink_lags: metric!("sink_lag_events", "Events that a sink has yet to hear of"),
            streams: metric!("event_streams", "Clients that wait for events"),
            ready: metric!("ready", "Whether requests can be sent here, as 1 or 0"),
            connections: metric!("db_connections", "Connections to the database"),
            pricing: metric!("pricing_requests", "Calls of the pricing service, by how they ended"),
            breaker: metric!(
                "pricing_breaker_state",
                "Which state the circuit breaker of the pricing service is in: 1 for that one"
            ),
            connections_max: metric!("db_connections_max", "The most connections that a pool opens"),
            process: ProcessGauges::default(),
            observers: Mutex::default(),
            registry: Registry::default(),
        };
        // A counter that is there from the beginning has no first step that a rate would miss.
        for r#type in OrderEventKind::EVENT_TYPES {
            inner.events.get_or_create(&TypeLabels { r#type }).inc_by(0);
        }
        inner.process.register(&mut registry);
        Self { inner: Arc::new(Inner { registry, ..inner }) }
    }

    /// Calls this before each time that the metrics are told.
    pub fn observe(&self, observer: impl Fn(&Self) + Send + 'static) {
        self.inner.observers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(observer));
    }

    pub(crate) fn pool(&self, pool: &'static str, connections: PoolUse) {
        let PoolUse { idle, used, max } = connections;
        for (state, connections) in [("idle", idle), ("used", used)] {
            self.inner.connections.get_or_create(&ConnectionLabels { pool, state }).set(connections.into());
        }
        self.inner.connections_max.get_or_create(&PoolLabels { pool }).set(max.into());
    }

    /// All calls of the pricing service so far, and the state of its circuit breaker.
    pub(crate) fn pricing(&self, outcomes: PricingOutcomes, breaker: BreakerState) {
        let PricingOutcomes { ok, failed, rejected } = outcomes;
        for (outcome, total) in [("ok", ok), ("failed", failed), ("rejected", rejected)] {
            let counter = self.inner.pricing.get_or_create(&OutcomeLabels { outcome });
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        let states =
            [("closed", BreakerState::Closed), ("open", BreakerState::Open), ("half_open", BreakerState::HalfOpen)];
        for (state, is) in states {
            self.inner.breaker.get_or_create(&StateLabels { state }).set((is == breaker).into());
        }
    }

    /// A transaction began to write change sets that had waited for so long.
    pub(crate) fn commit_waited(&self, waits: impl Iterator<Item = Duration>) {
        waits.for_each(|wait| self.inner.commit_waits.observe(wait.as_secs_f64()));
    }

    /// A transaction was committed, with so many change sets and events of these types.
    pub(crate) fn committed(&self, sets: usize, types: impl Iterator<Item = &'static str>) {
        self.inner.commits.inc();
        self.inner.commit_sizes.observe(f64::from(u32::try_from(sets).unwrap_or(u32::MAX)));
        for r#type in types {
            self.inner.events.get_or_create(&TypeLabels { r#type }).inc();
        }
    }

    fn look_around(&self) {
        for observer in self.inner.observers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            observer(self);
        }
        self.inner.process.look();
    }
}

impl ProcessGauges {
    fn register(&self, registry: &mut Registry) {
        let process = registry.sub_registry_with_prefix("process");
        process.register("resident_memory_bytes", "Resident memory", self.resident.clone());
        process.register("cpu_seconds", "Processor time, of the user and the system", self.cpu.clone());
        process.register("open_fds", "Open file descriptors", self.fds.clone());
        process.register("max_fds", "The most file descriptors that may be open", self.max_fds.clone());
        process.register("start_time_seconds", "When the process began, since the Unix epoch", self.started.clone());
    }

    fn look(&self) {
        let Some(now) = process::look() else { return };
        self.resident.set(now.resident_bytes);
        self.cpu.inc_by((now.cpu_seconds - self.cpu.get()).max(0.0));
        self.fds.set(now.open_fds);
        self.max_fds.set(now.max_fds);
        self.started.set(now.started);
    }
}

impl Telemetry for Metrics {
    fn request_begun(&self) {
        self.inner.in_flight.inc();
    }

    fn request_ended(&self, answer: Option<&Answer<'_>>, took: Duration) {
        self.inner.in_flight.dec();
        let Some(Answer { route, method, status }) = answer else { return };
        let (route, method) = ((*route).to_owned(), *method);
        self.inner.durations.get_or_create(&RouteLabels { route: route.clone(), method }).observe(took.as_secs_f64());
        self.inner.requests.get_or_create(&RequestLabels { route, method, status: *status }).inc();
    }

    fn lost_race(&self) {
        self.inner.conflicts.inc();
    }

    fn retried(&self) {
        self.inner.retries.inc();
    }

    fn replayed(&self) {
        self.inner.replays.inc();
    }

    fn log_told(&self, position: u64) {
        self.inner.log_position.set(stored(position));
    }

    fn sink_told(&self, sink: &'static str, position: u64) {
        let lag = (self.inner.log_position.get() - stored(position)).max(0);
        self.inner.sink_lags.get_or_create(&SinkLabels { sink }).set(lag);
    }

    fn state(&self, streams: usize, ready: bool) {
        self.inner.streams.set(stored(streams as u64));
        self.inner.ready.set(ready.into());
    }

    fn tell(&self) -> String {
        self.look_around();
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.inner.registry);
        in_prometheus_text(&text)
    }
}

/// The client library writes OpenMetrics, in which a counter is described without the suffix `_total` that its samples
/// have. The text format 0.0.4, which every reader understands, describes each by the name of its samples.
fn in_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 512);
    let mut lines = open_metrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")).peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        let counter =
            described.filter(|(name, _)| lines.next_if_eq(&format!("# TYPE {name} counter").as_str()).is_some());
        // Writing to a string does not fail.
        let _ = match counter {
            Some((name, help)) => writeln!(text, "# HELP {name}_total {help}\n# TYPE {name}_total counter"),
            None => writeln!(text, "{line}"),
        };
    }
    text
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
