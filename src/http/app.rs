use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{app::Ports, domain::TenantId};

/// What every handler has: the ports behind the use cases, and whether the service is on its way out.
#[derive(Clone, Debug)]
pub struct App<P> {
    ports: P,
    draining: Arc<AtomicBool>,
    bounds: Bounds,
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// In bytes.
    pub body: usize,
    /// In bytes.
    pub headers: usize,
    /// How long a body may take to arrive.
    pub arrival: Duration,
}

impl<P: Ports> App<P> {
    pub fn new(ports: P, bounds: Bounds) -> Self {
        Self { ports, draining: Arc::default(), bounds }
    }

    pub(super) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub const fn ports(&self) -> &P {
        &self.ports
    }

    /// From now on the service says that it is not ready; it still answers.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whose orders a request is about. Nobody is authenticated yet.
    pub fn tenant(&self) -> TenantId {
        TenantId::anonymous()
    }
}
