use std::{borrow::Cow, time::Instant};

use actix_web::http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// What this process counts of its requests. The composition root registers it.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    event_streams: Gauge,
    ready: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Cow<'static, str>,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Cow<'static, str>,
    method: &'static str,
}

/// In seconds. An order takes milliseconds; a request that takes more than ten seconds has timed out somewhere.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The methods that are labels. A client may invent any other one, which counts as `other`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            event_streams: Gauge::default(),
            ready: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that received a response", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the start of a request to the head of its response",
            self.durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests without a response so far", self.in_flight.clone());
        registry.register("event_streams", "Clients that wait for events", self.event_streams.clone());
        registry.register("ready", "1 if this instance accepts requests, 0 if not", self.ready.clone());
    }

    pub(crate) fn begin_request(&self, begun: Instant) -> CountedRequest<'_> {
        self.in_flight.inc();
        CountedRequest { metrics: self, begun }
    }

    pub(crate) fn set_state(&self, event_streams: usize, ready: bool) {
        self.event_streams.set(i64::try_from(event_streams).unwrap_or(i64::MAX));
        self.ready.set(ready.into());
    }
}

/// A request that is counted as in flight until it is dropped: after its response, or when its client hangs up.
#[derive(Debug)]
pub(crate) struct CountedRequest<'m> {
    metrics: &'m HttpMetrics,
    begun: Instant,
}

impl CountedRequest<'_> {
    /// `route` is the pattern of the path, never the path itself; `None` where no pattern matches.
    pub(crate) fn respond(self, route: Option<Cow<'static, str>>, method: &Method, status: StatusCode) {
        let route = route.unwrap_or(Cow::Borrowed("unmatched"));
        let method = METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        let took = self.begun.elapsed().as_secs_f64();
        self.metrics.durations.get_or_create(&RouteLabels { route: route.clone(), method }).observe(took);
        self.metrics.requests.get_or_create(&RequestLabels { route, method, status: status.as_u16() }).inc();
    }
}

impl Drop for CountedRequest<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}
