use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::app::Ports;

use super::{
    middleware::{http_metrics::HttpMetrics, outages::Outages},
    request::client_address::TrustedProxies,
    response::{code::Code, problem::Problem},
};

/// What every handler can use: the ports of the use cases, the limits, and whether the service is shutting down.
#[derive(Clone, Debug)]
pub struct AppState<P> {
    ports: P,
    /// Why the start is not at its end. `None` from its end on.
    starting: watch::Sender<Option<String>>,
    draining: watch::Sender<bool>,
    limits: HttpLimits,
    proxies: Arc<TrustedProxies>,
    /// A permit for each further client that may wait for events.
    permits: Arc<Semaphore>,
    outages: Outages,
    metrics: HttpMetrics,
    render_metrics: MetricsRenderer,
}

/// Renders all metrics of the process as text.
#[derive(Clone)]
pub struct MetricsRenderer(Arc<dyn Fn() -> String + Send + Sync>);

/// The limits of one request, and of the clients that wait for events.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    pub body_bytes: usize,
    pub header_bytes: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How long an event stream may be silent before the service sends a comment.
    pub heartbeat: Duration,
    /// How many clients may wait for events at a time.
    pub waiting_clients: usize,
}

impl<P: Ports> AppState<P> {
    pub fn new(
        ports: P,
        limits: HttpLimits,
        proxies: TrustedProxies,
        metrics: HttpMetrics,
        render_metrics: MetricsRenderer,
    ) -> Self {
        let (proxies, outages) = (Arc::new(proxies), Outages::default());
        let permits = Arc::new(Semaphore::new(limits.waiting_clients));
        let (starting, draining) = (watch::Sender::new(None), watch::Sender::new(false));
        Self { ports, starting, draining, limits, proxies, permits, outages, metrics, render_metrics }
    }

    pub(super) const fn limits(&self) -> HttpLimits {
        self.limits
    }

    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    pub const fn ports(&self) -> &P {
        &self.ports
    }

    pub(super) const fn outages(&self) -> &Outages {
        &self.outages
    }

    pub(super) const fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }

    pub(super) fn render_metrics(&self) -> String {
        (self.render_metrics.0)()
    }

    /// Until `has_started`, the service reports that it is not ready, and refuses requests that need the store.
    pub fn starts(&self, reason: &str) {
        self.starting.send_replace(Some(reason.to_owned()));
    }

    pub fn has_started(&self) {
        self.starting.send_replace(None);
    }

    /// The response to requests that need the store while the service starts.
    pub(super) fn starting(&self) -> Option<Problem> {
        let starting = self.starting.borrow();
        let reason = starting.as_ref()?;
        Some(Problem::new(Code::StoreUnavailable, format!("The service is not ready yet: {reason}.")))
    }

    /// From now on the service reports that it is not ready, and ends every wait for events. It still answers requests.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// How many clients wait for events now.
    pub(super) fn waiting_clients(&self) -> usize {
        self.limits.waiting_clients.saturating_sub(self.permits.available_permits())
    }

    /// Lets one more client wait for events. The limit keeps connections free for requests that do not wait.
    pub(super) fn admit_waiting(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let detail = "The maximum number of clients is already waiting for events. Try again in a moment.";
        self.permits.clone().try_acquire_owned().map_err(|_| Problem::new(Code::TooManyStreams, detail))
    }

    /// Resolves when the service shuts down.
    pub(super) fn drained(&self) -> impl Future<Output = ()> + 'static {
        let mut draining = self.draining.subscribe();
        async move {
            // If the sender is gone, so is the service.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }
}

impl MetricsRenderer {
    pub fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }
}

impl fmt::Debug for MetricsRenderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsRenderer")
    }
}
