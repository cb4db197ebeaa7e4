//! The relay delivers the event log to the sinks. Each sink is worked by one instance at a time: the one that holds its
//! lease. `leases` renews the leases of this instance, `delivery` works one sink while it holds the lease, `reader` reads the
//! event log for it, and `window` has the events that are on their way.

mod backoff;
mod delivery;
mod leases;
mod reader;
mod window;

use std::{convert::Infallible, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{RwLock, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    app::{EventSink, NewSink, Ports, SinkCursors},
    infra::background::keep_running,
};

use delivery::{Delivery, Ended};
use leases::{Held, keep_leases};

/// How long a stop waits for the deliveries, and then for the store.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause of a sink whose next events are gone, until an operator moves it.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(2);

/// The relay of one instance, with its sinks.
pub struct Relay<P> {
    ports: P,
    instance: String,
    sinks: Vec<NewSink>,
    workers: Vec<Worker<P>>,
}

type Worker<P> = Box<dyn FnOnce(P, Working) -> Pin<Box<dyn Future<Output = Infallible> + Send>> + Send>;

/// What the tasks of the sinks share.
#[derive(Clone)]
struct Working {
    held: watch::Receiver<Held>,
    /// Each delivery has it for reading.
    deliveries: Arc<RwLock<()>>,
}

impl<P: Ports> Relay<P> {
    /// The name of the instance is unique: another process never has the same.
    pub fn new(ports: P, instance: String) -> Self {
        Self { ports, instance, sinks: Vec::new(), workers: Vec::new() }
    }

    /// Adds a sink. No other one has its name.
    #[must_use]
    pub fn with<S: EventSink>(mut self, sink: S) -> Self {
        self.sinks.push(NewSink { name: sink.name(), kind: S::KIND, begins: S::BEGINS });
        let sink = Arc::new(sink);
        self.workers.push(Box::new(move |ports, working| {
            Box::pin(async move {
                let name = format!("the sink {}", sink.name());
                keep_running(&name, || work_sink(ports.clone(), sink.clone(), working.clone())).await
            })
        }));
        self
    }

    /// Gives each new sink its cursor, so that it misses nothing that is written from now on. `run` does the same again.
    pub async fn register(&self) {
        if let Err(error) = self.ports.store().renew_leases(&self.instance, &self.sinks).await {
            log::debug!("cannot register the sinks yet: {error}");
        }
    }

    /// Works the sinks until `stop` resolves. Then it stores the cursors and gives the leases back, so that another instance
    /// takes them at once.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { ports, instance, sinks, workers } = self;
        let (held, receiver) = watch::channel(Held::none());
        let working = Working { held: receiver, deliveries: Arc::default() };
        let mut tasks = JoinSet::new();
        for worker in workers {
            tasks.spawn(worker(ports.clone(), working.clone()));
        }
        let keeping = {
            let (ports, instance, held) = (ports.clone(), instance.clone(), held.clone());
            async move {
                let keep = || keep_leases(ports.clone(), instance.clone(), sinks.clone(), held.clone());
                keep_running("the keeper of the leases", keep).await
            }
        };
        tokio::select! {
            () = stop => {}
            never = keeping => match never {},
        }
        held.send_replace(Held::none());
        // The deliveries of which this instance stores no cursor are repeated, not lost.
        let _ = timeout(STOP_TIMEOUT, working.deliveries.write()).await;
        let _ = timeout(STOP_TIMEOUT, ports.store().release_leases(&instance)).await;
        tasks.shutdown().await;
    }
}

impl<P> fmt::Debug for Relay<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("sinks", &self.sinks).finish_non_exhaustive()
    }
}

/// Works one sink whenever this instance holds its lease.
async fn work_sink<P: Ports, S: EventSink>(ports: P, sink: Arc<S>, working: Working) -> Infallible {
    let Working { mut held, deliveries } = working;
    let mut failure = None;
    loop {
        let lease = held.borrow_and_update().working(sink.name()).map(|(lease, _)| lease.clone());
        if let Some(lease) = lease {
            let delivering = deliveries.read().await;
            log::debug!("works the sink {} from position {}", sink.name(), lease.position);
            let ended = Delivery::new(&ports, &*sink, lease, held.clone(), &mut failure).run().await;
            drop(delivering);
            match ended {
                Ended::NoLease => continue,
                Ended::Unreadable => tokio::time::sleep(UNREADABLE_PAUSE).await,
                Ended::Fenced => log::info!("another instance works the sink {}, or it was moved", sink.name()),
            }
        }
        if held.changed().await.is_err() {
            // The relay stops.
            std::future::pending::<()>().await;
        }
    }
}
