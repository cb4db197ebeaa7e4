use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::counter::Counter;

use crate::infra::observability::Metrics;

use super::message::EXCHANGE;

/// What the broker drops, because no queue is bound for it. Copies share it.
#[derive(Clone, Debug)]
pub(super) struct Unroutable {
    events: Counter,
    /// The routing keys that no queue takes. As many as there are types of events.
    keys: Arc<Mutex<BTreeSet<String>>>,
}

impl Unroutable {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let events = Counter::default();
        metrics.register(|registry| {
            registry.register(
                "amqp_unroutable_events",
                "Events that RabbitMQ dropped, because no queue was bound for them",
                events.clone(),
            );
        });
        Self { events, keys: Arc::default() }
    }

    /// An event with this key went nowhere. The log says so when that begins.
    pub(super) fn dropped(&self, routing_key: &str) {
        self.events.inc();
        let mut keys = self.lock();
        if !keys.contains(routing_key) {
            keys.insert(routing_key.to_owned());
            log::warn!(
                routing_key;
                "RabbitMQ drops events, because no queue is bound to the exchange {EXCHANGE} for them"
            );
        }
    }

    /// A queue has an event with this key.
    pub(super) fn taken(&self, routing_key: &str) {
        if self.lock().remove(routing_key) {
            log::info!(routing_key; "a queue of RabbitMQ takes the events again");
        }
    }

    /// A change under the lock is one step: a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
