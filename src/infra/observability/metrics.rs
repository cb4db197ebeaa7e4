use std::{
    fmt,
    ops::Add,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::app::{EVENT_TYPES, SinkStatus, Telemetry};

use super::{process::ProcessMetrics, prometheus_text::prometheus_text};

/// All metrics of this process. Each part registers its own; the ones of the stores and the sinks are here.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Mutex<Registry>,
    commits: Counter,
    commit_sizes: Histogram,
    commit_waits: Histogram,
    conflicts: Counter,
    retries: Counter,
    replays: Counter,
    events: Family<TypeLabels, Counter>,
    log_position: Gauge,
    sink_positions: Family<SinkLabels, Gauge>,
    sink_lags: Family<SinkLabels, Gauge>,
    sink_lag_seconds: Family<SinkLabels, Gauge<f64, AtomicU64>>,
    sinks_held: Family<SinkLabels, Gauge>,
    sinks_paused: Family<SinkLabels, Gauge>,
    sinks_failing: Family<SinkLabels, Gauge>,
    sink_deliveries: Family<SinkLabels, Counter>,
    sink_repeats: Family<SinkLabels, Counter>,
    sink_errors: Family<SinkLabels, Counter>,
    connections: Family<ConnectionLabels, Gauge>,
    connections_max: Family<PoolLabels, Gauge>,
    tenant_mismatches: Counter,
    jwks_age: Gauge,
    limit_instances: Gauge,
    process: ProcessMetrics,
    updates: Mutex<Vec<Update>>,
}

type Update = Box<dyn Fn(&Metrics) + Send>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: String,
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
struct BuildLabels {
    version: &'static str,
    commit: &'static str,
}

/// In seconds. A commit takes milliseconds; a statement that takes more than ten seconds was cancelled.
const WAIT_BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const BATCH_SIZE_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How many connections of a pool are idle and in use, and how many there may be.
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
    /// `version` and `commit` identify the build.
    pub fn new(version: &'static str, commit: &'static str) -> Self {
        let mut registry = Registry::default();
        let orders = registry.sub_registry_with_prefix("orders");
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version, commit }).set(1);
        orders.register("build_info", "Version and commit of this instance", build);
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
        let inner = Inner {
            commits: metric!("commits", "Committed transactions"),
            commit_sizes: metric!(
                "commit_batch_size",
                "Units of work in one committed transaction",
                Histogram::new(BATCH_SIZE_BUCKETS)
            ),
            commit_waits: metric!(
                "commit_wait_seconds",
                "Time that a unit of work waited for the group commit to begin its transaction",
                Histogram::new(WAIT_BUCKETS)
            ),
            conflicts: metric!("conflicts", "Changes that lost a race against another writer"),
            retries: metric!("retries", "Changes that were decided again after a lost race"),
            replays: metric!("idempotent_replays", "Repeated requests that received the response of the first one"),
            events: metric!("events_written", "Events that this instance has written"),
            log_position: metric!(
                "log_position",
                "Last position of the event log that this instance has published to its subscribers"
            ),
            sink_positions: metric!("sink_position", "Up to this position, a sink has acknowledged every event"),
            sink_lags: metric!("sink_lag_events", "Events that a sink has not acknowledged yet"),
            sink_lag_seconds: metric!("sink_lag_seconds", "Age of the first event that a sink has not acknowledged"),
            sinks_held: metric!("sink_held", "Whether this instance works the sink"),
            sinks_paused: metric!("sink_paused", "Whether an operator has paused the sink"),
            sinks_failing: metric!("sink_failing", "Whether the sink does not move because of an error"),
            sink_deliveries: metric!("sink_deliveries", "Events that a sink has acknowledged to this instance"),
            sink_repeats: metric!("sink_repeats", "Events that this instance has sent to a sink again"),
            sink_errors: metric!("sink_errors", "Refused events and failed connections of a sink"),
            connections: metric!("db_connections", "Connections to the database"),
            connections_max: metric!("db_connections_max", "Maximum number of connections of a pool"),
            tenant_mismatches: metric!(
                "tenant_mismatches",
                "Rows that belonged to another tenant than the one that they were read for, and were not shown"
            ),
            jwks_age: metric!(
                "jwks_age_seconds",
                "Time since the keys of the identity provider were read; -1 if they never were, or are not used"
            ),
            limit_instances: metric!(
                "rate_limit_instances",
                "Instances that share the quotas through Redis; 0 while Redis is away, -1 if it is not used"
            ),
            process: ProcessMetrics::default(),
            updates: Mutex::default(),
            registry: Mutex::default(),
        };
        // A rate misses the first step of a counter that did not exist before.
        for r#type in EVENT_TYPES {
            inner.events.get_or_create(&TypeLabels { r#type }).inc_by(0);
        }
        inner.process.register(&mut registry);
        Self { inner: Arc::new(Inner { registry: Mutex::new(registry), ..inner }) }
    }

    /// Adds the metrics of another part of the service; their names begin with `orders_`.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(lock(&self.inner.registry).sub_registry_with_prefix("orders"));
    }

    /// Calls `update` before each rendering, for metrics that are read elsewhere and not counted here.
    pub fn before_rendering(&self, update: impl Fn(&Self) + Send + 'static) {
        lock(&self.inner.updates).push(Box::new(update));
    }

    /// All metrics in the text format 0.0.4 of Prometheus.
    pub fn render(&self) -> String {
        for update in lock(&self.inner.updates).iter() {
            update(self);
        }
        self.inner.process.update();
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &lock(&self.inner.registry));
        prometheus_text(&text)
    }

    pub(crate) fn set_pool(&self, pool: &'static str, connections: PoolUse) {
        let PoolUse { idle, used, max } = connections;
        for (state, connections) in [("idle", idle), ("used", used)] {
            self.inner.connections.get_or_create(&ConnectionLabels { pool, state }).set(connections.into());
        }
        self.inner.connections_max.get_or_create(&PoolLabels { pool }).set(max.into());
    }

    /// So many rows of wrong tenants were found since the start.
    pub(crate) fn set_tenant_mismatches(&self, total: u64) {
        let counted = self.inner.tenant_mismatches.get();
        self.inner.tenant_mismatches.inc_by(total.saturating_sub(counted));
    }

    pub fn set_jwks_age(&self, age: Option<Duration>) {
        self.inner.jwks_age.set(age.map_or(-1, |age| gauge(age.as_secs())));
    }

    pub fn set_limit_instances(&self, instances: Option<u32>) {
        self.inner.limit_instances.set(instances.map_or(-1, i64::from));
    }

    /// A transaction begins to write units of work that have waited for so long.
    pub(crate) fn commit_waited(&self, waits: impl Iterator<Item = Duration>) {
        waits.for_each(|wait| self.inner.commit_waits.observe(wait.as_secs_f64()));
    }

    /// A transaction has committed `units` units of work, with events of these types.
    pub(crate) fn committed(&self, units: usize, types: impl Iterator<Item = &'static str>) {
        self.inner.commits.inc();
        self.inner.commit_sizes.observe(f64::from(u32::try_from(units).unwrap_or(u32::MAX)));
        for r#type in types {
            self.inner.events.get_or_create(&TypeLabels { r#type }).inc();
        }
    }
}

impl Telemetry for Metrics {
    fn lost_race(&self) {
        self.inner.conflicts.inc();
    }

    fn retried(&self) {
        self.inner.retries.inc();
    }

    fn replayed(&self) {
        self.inner.replays.inc();
    }

    fn published(&self, position: u64) {
        self.inner.log_position.set(gauge(position));
    }

    fn sinks(&self, instance: &str, sinks: &[SinkStatus]) {
        let inner = &self.inner;
        for status in sinks {
            let labels = SinkLabels { sink: status.name.clone() };
            inner.sink_positions.get_or_create(&labels).set(gauge(status.position));
            inner.sink_lags.get_or_create(&labels).set(gauge(status.lag_events()));
            inner.sink_lag_seconds.get_or_create(&labels).set(status.lag.as_secs_f64());
            inner.sinks_held.get_or_create(&labels).set((status.holder.as_deref() == Some(instance)).into());
            inner.sinks_paused.get_or_create(&labels).set(status.is_paused.into());
            inner.sinks_failing.get_or_create(&labels).set(status.failure.is_some().into());
            // A rate misses the first step of a counter that did not exist before.
            for counter in [&inner.sink_deliveries, &inner.sink_repeats, &inner.sink_errors] {
                counter.get_or_create(&labels).inc_by(0);
            }
        }
    }

    fn sink_delivered(&self, sink: &'static str, events: usize) {
        self.inner.sink_deliveries.get_or_create(&SinkLabels { sink: sink.to_owned() }).inc_by(events as u64);
    }

    fn sink_repeated(&self, sink: &'static str, events: usize) {
        self.inner.sink_repeats.get_or_create(&SinkLabels { sink: sink.to_owned() }).inc_by(events as u64);
    }

    fn sink_failed(&self, sink: &'static str) {
        self.inner.sink_errors.get_or_create(&SinkLabels { sink: sink.to_owned() }).inc();
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Nothing between locking and unlocking can leave the value half changed: a poisoned lock is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
