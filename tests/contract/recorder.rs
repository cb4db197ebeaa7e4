//! A sink that keeps what it receives, and misbehaves as a test wants.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
};

use orders::{
    app::{
        EventSink, FirstPosition, Lease, LoggedEvent, SinkConnection, SinkError, SinkKind, SinkOutcome, SinkStatus,
        Store, TailEventLog,
    },
    infra::Relay,
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    setup::soon,
    support::{
        adapters::{TestAdapters, adapters},
        eventually,
    },
};

/// The sink, and what its destination has. Copies share the destination.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    pub(crate) name: &'static str,
    destination: Arc<Mutex<Destination>>,
}

#[derive(Debug, Default)]
struct Destination {
    /// In the order in which they were accepted.
    accepted: Vec<Arc<LoggedEvent>>,
    connections: usize,
    is_away: bool,
    /// It accepts events and never acknowledges them.
    is_silent: bool,
    /// Refused once each.
    refused_once: BTreeSet<u64>,
    /// Refused for ever.
    poisoned: BTreeSet<u64>,
    panics_at: Option<u64>,
}

impl Recorder {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, destination: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Destination> {
        self.destination.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    pub(crate) fn silent(&self, is_silent: bool) {
        self.lock().is_silent = is_silent;
    }

    pub(crate) fn refuse_once(&self, positions: impl IntoIterator<Item = u64>) {
        self.lock().refused_once.extend(positions);
    }

    pub(crate) fn poison(&self, position: u64) {
        self.lock().poisoned.insert(position);
    }

    pub(crate) fn panic_at(&self, position: u64) {
        self.lock().panics_at = Some(position);
    }

    pub(crate) fn connections(&self) -> usize {
        self.lock().connections
    }

    /// The positions of the accepted events, in the order in which they were accepted.
    pub(crate) fn positions(&self) -> Vec<u64> {
        self.lock().accepted.iter().map(|event| event.numbers.position).collect()
    }

    /// Whether every event was accepted up to this position, in whatever order.
    pub(crate) fn has_all(&self, until: u64) -> bool {
        self.positions().into_iter().collect::<BTreeSet<_>>() == (1..=until).collect()
    }

    /// Asserts that each order has its events in their order, repetitions aside.
    pub(crate) fn assert_order_per_order(&self) {
        let mut versions = BTreeMap::new();
        for event in &self.lock().accepted {
            let last = versions.entry(event.order_id).or_insert(0);
            assert!(event.version <= *last + 1, "{} has version {} after {last}", event.order_id, event.version);
            *last = event.version.max(*last);
        }
    }
}

impl EventSink for Recorder {
    type Connection = Recording;

    const KEEPS_ORDER: bool = false;
    const KIND: SinkKind = SinkKind::Broker;
    const BEGINS: FirstPosition = FirstPosition::Start;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn connect(&self, _: &Lease) -> Result<Recording, SinkError> {
        let mut destination = self.lock();
        if destination.is_away {
            return Err(SinkError::new("nobody is there"));
        }
        destination.connections += 1;
        Ok(Recording { sink: self.clone(), outcomes: VecDeque::new() })
    }
}

pub(crate) struct Recording {
    sink: Recorder,
    outcomes: VecDeque<SinkOutcome>,
}

impl SinkConnection for Recording {
    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        let mut destination = self.sink.lock();
        if destination.is_away {
            return Err(SinkError::new("the connection is lost"));
        }
        for event in events {
            let position = event.numbers.position;
            if destination.panics_at == Some(position) {
                destination.panics_at = None;
                drop(destination);
                panic!("the sink panics once");
            }
            let is_refused = destination.poisoned.contains(&position) || destination.refused_once.remove(&position);
            let result = if is_refused {
                Err(SinkError::new("not this one"))
            } else {
                destination.accepted.push(event.clone());
                Ok(())
            };
            if !destination.is_silent {
                self.outcomes.push_back(SinkOutcome { position, result });
            }
        }
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        if self.outcomes.is_empty() {
            return pending().await;
        }
        Ok(self.outcomes.drain(..).collect())
    }
}

/// An instance with a relay. Dropping it is the end of the process: no lease is given back.
pub(crate) struct Instance<S: Store> {
    pub(crate) ports: TestAdapters<S>,
    stop: Option<oneshot::Sender<()>>,
    tasks: [JoinHandle<()>; 2],
}

impl<S: Store> Instance<S> {
    pub(crate) fn start(store: S, name: &str, sinks: impl IntoIterator<Item = Recorder>) -> Self {
        Self::with(store, name, |relay| sinks.into_iter().fold(relay, Relay::with))
    }

    /// With the sinks that `add` gives to its relay.
    pub(crate) fn with(
        store: S,
        name: &str,
        add: impl FnOnce(Relay<TestAdapters<S>>) -> Relay<TestAdapters<S>>,
    ) -> Self {
        let ports = adapters(store);
        let relay = add(Relay::new(ports.clone(), name.to_owned()));
        let (stop, stopping) = oneshot::channel();
        let tail = ports.clone();
        let tasks = [
            tokio::spawn(async move { match TailEventLog(&tail).run().await {} }),
            tokio::spawn(relay.run(async { drop(stopping.await) })),
        ];
        Self { ports, stop: Some(stop), tasks }
    }

    /// Stops as a process does that is asked to.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        soon(&mut self.tasks[1]).await.unwrap();
    }

    /// Waits until the sink has a cursor.
    pub(crate) async fn sink(&self, name: &str) -> SinkStatus {
        eventually("the sink has a cursor", async || {
            let sinks = self.ports.store.sinks().await.unwrap();
            sinks.into_iter().find(|sink| sink.name == name)
        })
        .await
    }

    /// Waits until the stored cursor is there.
    pub(crate) async fn wait_for(&self, name: &str, position: u64) {
        eventually("the cursor is there", async || {
            let sinks = self.ports.store.sinks().await.unwrap();
            sinks.iter().any(|sink| sink.name == name && sink.position == position).then_some(())
        })
        .await;
    }
}

impl<S: Store> Drop for Instance<S> {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.tasks.iter().for_each(JoinHandle::abort);
        } else {
            self.tasks[0].abort();
        }
    }
}
