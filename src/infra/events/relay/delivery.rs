use std::{future::pending, pin::Pin, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use crate::app::{EventSink, Lease, Ports, RepoError, SinkConnection, SinkCursors, SinkError, SinkOutcome, Telemetry};

use super::{
    backoff::Backoff,
    leases::Held,
    reader::{READ_BATCH, Reader},
    window::Window,
};

/// How long a destination may take to take a batch, and to acknowledge an event.
const SINK_TIMEOUT: Duration = Duration::from_secs(10);

/// How many events one call sends, at most.
const SEND_BATCH: usize = 1024;

/// How often the cursor is stored, unless the window is full.
const STORE_EVERY: Duration = Duration::from_millis(50);

/// How long a delivery that ends waits for what is on its way.
const WIND_DOWN: Duration = Duration::from_millis(500);

/// Why a delivery ends.
#[derive(Debug)]
pub(super) enum Ended {
    /// The lease is not valid any more, or the sink is paused.
    NoLease,
    /// The store says that another lease is the current one.
    Fenced,
    /// The event log cannot be read from the cursor on. Another lease or a moved cursor may help.
    Unreadable,
}

/// Why a sink does not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    text: String,
    /// Where the cursor is.
    lease: Lease,
}

/// Delivers the event log to one sink, under one lease.
#[derive(Debug)]
pub(super) struct Delivery<'a, P, S> {
    ports: &'a P,
    sink: &'a S,
    lease: Lease,
    held: watch::Receiver<Held>,
    window: Window,
    reader: Option<Reader>,
    backoff: Backoff,
    failure: &'a mut Option<Failure>,
    stores_cursor: bool,
    /// Whether a connection of this delivery has failed.
    has_failed: bool,
    /// Whether the store has to forget the failure.
    is_mended: bool,
}

impl<'a, P: Ports, S: EventSink> Delivery<'a, P, S> {
    /// `failure` is why the delivery before did not move.
    pub(super) fn new(
        ports: &'a P,
        sink: &'a S,
        lease: Lease,
        held: watch::Receiver<Held>,
        failure: &'a mut Option<Failure>,
    ) -> Self {
        let window = Window::new(lease.position, S::KEEPS_ORDER);
        let backoff = Backoff::default();
        Self {
            ports,
            sink,
            lease,
            held,
            window,
            reader: None,
            backoff,
            is_mended: failure.is_none(),
            failure,
            stores_cursor: false,
            has_failed: false,
        }
    }

    /// Tries for ever, for as long as the lease is valid.
    pub(super) async fn run(mut self) -> Ended {
        loop {
            let mut lost = Box::pin(lease_lost(self.held.clone(), self.lease.clone()));
            let connected = tokio::select! {
                connected = timeout(S::CONNECT_TIMEOUT, self.sink.connect(&self.lease)) => connected,
                () = &mut lost => return Ended::NoLease,
            };
            let failed = match connected {
                Ok(Ok(connection)) => match self.work(connection, lost.as_mut()).await {
                    Ok(ended) => return ended,
                    Err(error) => error,
                },
                Ok(Err(error)) => error,
                Err(_) => SinkError::new(format!("no connection within {:?}", S::CONNECT_TIMEOUT)),
            };
            self.window.refuse_all();
            self.has_failed = true;
            self.record(&failed).await;
            tokio::select! {
                () = tokio::time::sleep(self.backoff.pause()) => {}
                () = lost => return Ended::NoLease,
            }
        }
    }

    /// Works one connection to its end.
    async fn work(
        &mut self,
        mut connection: S::Connection,
        mut lost: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ended, SinkError> {
        self.begin(&connection);
        let mut storing = None;
        let (mut stored_at, mut progress) = (Instant::now(), Instant::now());
        // Nothing is sent before this moment: after a refusal, or because the sink prefers large batches.
        let (mut next_send, mut is_paused) = (Instant::now(), false);
        loop {
            let many_wait = !is_paused && self.window.ready() >= SEND_BATCH;
            if self.window.ready() > 0 && (many_wait || Instant::now() >= next_send) {
                let was_idle = self.window.in_flight() == 0;
                self.send(&mut connection).await?;
                (next_send, is_paused) = (Instant::now() + S::LINGER, false);
                if was_idle {
                    progress = Instant::now();
                }
            }
            if self.stores_cursor {
                self.window.store(self.window.acknowledged());
            }
            let room = self.window.room();
            let has_room = room >= READ_BATCH;
            let to_store = self.to_store();
            let has_news = to_store.is_some() || self.is_mended;
            let next_store = if has_room { stored_at + STORE_EVERY } else { stored_at };
            let reader = self.reader.get_or_insert_with(|| Reader::start(self.ports.clone(), self.window.stored()));
            tokio::select! {
                outcomes = connection.outcomes() => {
                    progress = Instant::now();
                    if let Some(refusal) = self.apply(outcomes?) {
                        self.record(&refusal).await;
                        (next_send, is_paused) = (Instant::now() + self.backoff.pause(), true);
                    }
                }
                events = reader.next(room), if has_room => match events {
                    Ok(events) => self.window.push(events),
                    Err(error) => {
                        self.record(&error).await;
                        return Ok(Ended::Unreadable);
                    }
                },
                stored = finish(&mut storing) => {
                    (storing, stored_at) = (None, Instant::now());
                    match stored {
                        Ok((position, true)) => position.into_iter().for_each(|position| self.window.store(position)),
                        Ok((_, false)) => return Ok(Ended::Fenced),
                        Err(error) => {
                            self.is_mended |= self.failure.is_none();
                            log::debug!("cannot store the cursor of the sink {}: {error}", self.sink.name());
                        }
                    }
                }
                () = sleep_until(next_store), if storing.is_none() && has_news => {
                    self.is_mended = false;
                    let failure = self.failure.as_ref().map(|failure| failure.text.clone());
                    let (cursors, lease) = (self.ports.store().clone(), self.lease.clone());
                    storing = Some(Box::pin(store(cursors, lease, to_store, failure)));
                }
                () = sleep_until(progress + SINK_TIMEOUT), if self.window.in_flight() > 0 => {
                    return Err(SinkError::new(format!("no acknowledgement within {SINK_TIMEOUT:?}")));
                }
                () = sleep_until(next_send), if self.window.ready() > 0 => {}
                () = &mut lost => {
                    self.wind_down(connection).await;
                    return Ok(Ended::NoLease);
                }
            }
        }
    }

    /// A sink that stores its cursor itself knows best where it is.
    fn begin(&mut self, connection: &S::Connection) {
        if let Some(cursor) = connection.cursor() {
            self.stores_cursor = true;
            self.window = Window::new(cursor, S::KEEPS_ORDER);
            self.reader = None;
        }
        if self.has_failed && self.window.is_empty() {
            self.mended();
        }
    }

    async fn send(&mut self, connection: &mut S::Connection) -> Result<(), SinkError> {
        loop {
            let (events, repeated) = self.window.take_ready(SEND_BATCH);
            if events.is_empty() {
                return Ok(());
            }
            if repeated > 0 {
                self.ports.telemetry().sink_repeated(self.sink.name(), repeated);
            }
            let sent = timeout(SINK_TIMEOUT, connection.send(&events)).await;
            sent.map_err(|_| SinkError::new(format!("the destination takes no events for {SINK_TIMEOUT:?}")))??;
        }
    }

    /// Returns the first refusal.
    fn apply(&mut self, outcomes: Vec<SinkOutcome>) -> Option<SinkError> {
        let (mut acknowledged, mut refusal) = (0, None);
        for SinkOutcome { position, result } in outcomes {
            match result {
                Ok(()) => acknowledged += usize::from(self.window.acknowledge(position)),
                Err(error) => {
                    self.window.refuse(position);
                    refusal.get_or_insert_with(|| SinkError::new(format!("the event at position {position}: {error}")));
                }
            }
        }
        if acknowledged > 0 {
            self.ports.telemetry().sink_delivered(self.sink.name(), acknowledged);
            self.backoff.reset();
            if !self.window.has_refused() {
                self.mended();
            }
        }
        refusal
    }

    /// Logs and stores why the sink does not move: once for each reason.
    async fn record(&mut self, error: &SinkError) {
        self.ports.telemetry().sink_failed(self.sink.name());
        let failure = Failure { text: error.to_string(), lease: self.lease.clone() };
        if self.failure.as_ref() == Some(&failure) {
            return;
        }
        let text = &failure.text;
        if self.failure.is_none() {
            log::warn!("the sink {} does not move; trying again until it does: {text}", self.sink.name());
        } else {
            log::info!("the sink {} still does not move: {text}", self.sink.name());
        }
        if let Err(error) = self.ports.store().advance(&self.lease, self.to_store(), Some(text)).await {
            log::debug!("cannot store why the sink {} does not move: {error}", self.sink.name());
        }
        *self.failure = Some(failure);
        self.is_mended = false;
    }

    /// The new position of the cursor, if it has moved. A sink that stores its cursor itself may be ahead of what it has
    /// acknowledged here.
    fn to_store(&self) -> Option<u64> {
        let acknowledged = self.window.acknowledged();
        (!self.stores_cursor && acknowledged > self.window.stored()).then_some(acknowledged)
    }

    fn mended(&mut self) {
        if self.failure.take().is_some() {
            log::info!("the sink {} moves again", self.sink.name());
            self.is_mended = true;
        }
    }

    /// Sends nothing more, and stores what is acknowledged within a short time.
    async fn wind_down(&mut self, mut connection: S::Connection) {
        let _ = timeout(WIND_DOWN, async {
            while self.window.in_flight() > 0 {
                match connection.outcomes().await {
                    Ok(outcomes) => drop(self.apply(outcomes)),
                    Err(_) => break,
                }
            }
        })
        .await;
        if let Some(position) = self.to_store() {
            let _ = self.ports.store().advance(&self.lease, Some(position), None).await;
        }
    }
}

/// The position, and whether the lease was the current one.
type Stored = Result<(Option<u64>, bool), RepoError>;

type Storing = Pin<Box<dyn Future<Output = Stored> + Send>>;

async fn store<C: SinkCursors>(cursors: C, lease: Lease, position: Option<u64>, failure: Option<String>) -> Stored {
    Ok((position, cursors.advance(&lease, position, failure.as_deref()).await?))
}

async fn finish(storing: &mut Option<Storing>) -> Stored {
    match storing {
        Some(storing) => storing.await,
        None => pending().await,
    }
}

/// Resolves when this is not the lease of this instance any more.
async fn lease_lost(mut held: watch::Receiver<Held>, lease: Lease) {
    loop {
        let ends = match held.borrow_and_update().working(&lease.sink) {
            Some((current, ends)) if current.epoch == lease.epoch => ends,
            _ => return,
        };
        tokio::select! {
            changed = held.changed() => if changed.is_err() { return },
            () = sleep_until(ends.into()) => {}
        }
    }
}
