use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{app::Ports, domain::TenantId};

use super::{
    middleware::http_metrics::HttpMetrics,
    response::{code::Code, problem::Problem},
};

/// What every handler has: the ports behind the use cases, and whether the service is on its way out.
#[derive(Clone, Debug)]
pub struct AppState<P> {
    ports: P,
    draining: watch::Sender<bool>,
    bounds: HttpLimits,
    /// A permit for each client that may still wait for events.
    waiting: Arc<Semaphore>,
    metrics: HttpMetrics,
    render_metrics: MetricsRenderer,
}

/// Renders all metrics of the process as text.
#[derive(Clone)]
pub struct MetricsRenderer(Arc<dyn Fn() -> String + Send + Sync>);

/// How much of a request is read.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// In bytes.
    pub body: usize,
    /// In bytes.
    pub headers: usize,
    /// How long a body may take to arrive.
    pub arrival: Duration,
    /// How long a stream of events may be silent before it says that it is still there.
    pub heartbeat: Duration,
    /// How many clients may wait for events at a time.
    pub waiting: usize,
}

impl<P: Ports> AppState<P> {
    pub fn new(ports: P, bounds: HttpLimits, metrics: HttpMetrics, render_metrics: MetricsRenderer) -> Self {
        let waiting = Arc::new(Semaphore::new(bounds.waiting));
        Self { ports, draining: watch::Sender::new(false), bounds, waiting, metrics, render_metrics }
    }

    pub(super) const fn bounds(&self) -> HttpLimits {
        self.bounds
    }

    pub const fn ports(&self) -> &P {
        &self.ports
    }

    pub(super) const fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }

    pub(super) fn render_metrics(&self) -> String {
        (self.render_metrics.0)()
    }

    /// From now on the service says that it is not ready, and ends what would wait for events; it still answers.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// How many clients wait for events now.
    pub(super) fn waiting(&self) -> usize {
        self.bounds.waiting.saturating_sub(self.waiting.available_permits())
    }

    /// The right to wait for events; the rest of the connections is for requests that are answered at once.
    pub(super) fn may_wait(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let refused = |_| Problem::new(Code::TooManyStreams, "As many clients as may wait for events do.");
        self.waiting.clone().try_acquire_owned().map_err(refused)
    }

    /// Resolves when the service is on its way out.
    pub(super) fn drained(&self) -> impl Future<Output = ()> + 'static {
        let mut draining = self.draining.subscribe();
        async move {
            // A sender that is gone is a service that is gone.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }

    /// Whose orders a request is about. Nobody is authenticated yet.
    pub fn tenant(&self) -> TenantId {
        TenantId::anonymous()
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
