use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{app::Ports, domain::TenantId};

/// What every handler has: the ports behind the use cases, and whether the service is on its way out.
#[derive(Clone, Debug)]
pub struct App<P> {
    ports: P,
    draining: Arc<AtomicBool>,
}

impl<P: Ports> App<P> {
    pub fn new(ports: P) -> Self {
        Self { ports, draining: Arc::default() }
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
