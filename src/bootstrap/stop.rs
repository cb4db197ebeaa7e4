//! SIGTERM and SIGINT: the first one asks the service to stop, a second one ends the process at once.

use std::{process, thread, time::Duration};

use anyhow::Context;
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::Instant,
};

use crate::infra;

/// A stop takes at most ten seconds. What is left of them is for the last log lines and for the end of the process.
const STOP_TIMEOUT: Duration = Duration::from_millis(8500);

/// A stop that takes longer ends in the middle.
const FORCED_AFTER: Duration = Duration::from_millis(9300);

/// How long the last log lines may take, at a stop and at an end in the middle of something.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);
const SHORT_FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// The exit codes of a second signal, as shells count, and of a stop that takes too long.
const INTERRUPTED: i32 = 130;
const FORCED: i32 = 1;

/// Whether and when the service was asked to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    requested: watch::Receiver<Option<Instant>>,
}

impl Stop {
    /// Signals have a thread of their own: it heeds them whatever the other threads wait for.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().context("signals")?;
        let signals = {
            let _guard = runtime.enter();
            Signals::listen().context("signals")?
        };
        let (sender, requested) = watch::channel(None);
        let wait = move || runtime.block_on(obey(signals, &sender));
        thread::Builder::new().name("signals".to_owned()).spawn(wait).context("signals")?;
        Ok(Self { requested })
    }

    /// Resolves when the service was asked to stop.
    pub(super) async fn requested(&mut self) {
        // The sender is gone when the process is.
        let _ = self.requested.wait_for(Option::is_some).await;
    }

    /// How long a part of the stop may take that alone would take this long.
    pub(super) fn time_left(&self, for_this_part: Duration) -> Duration {
        let passed = self.requested.borrow().map_or(Duration::ZERO, |begun| begun.elapsed());
        STOP_TIMEOUT.saturating_sub(passed).min(for_this_part)
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Never waited for. Where the parent of this process ignores it, so would this one, and the system would collect the exit
    /// status of its children by itself.
    _child: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _child: signal(SignalKind::child())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn obey(mut signals: Signals, sender: &watch::Sender<Option<Instant>>) {
    signals.received().await;
    // A reader of standard error that stands still holds up no stop.
    infra::unblock_logging();
    sender.send_replace(Some(Instant::now()));
    let exit_code = tokio::select! {
        () = signals.received() => {
            log::warn!("stopped by a second signal");
            INTERRUPTED
        }
        () = tokio::time::sleep(FORCED_AFTER) => {
            log::error!("the stop takes longer than {FORCED_AFTER:?}: the process ends now");
            FORCED
        }
    };
    infra::flush_logging(SHORT_FLUSH_TIMEOUT);
    process::exit(exit_code);
}

/// Writes the last log lines, and a line about those that cannot be written. For the end of the process.
pub fn flush_logging() {
    if let Some(unwritten) = infra::flush_logging(FLUSH_TIMEOUT) {
        // Where one of two places stands still, the other one gets this.
        log::error!("log lines were given up: {unwritten}");
        infra::flush_logging(SHORT_FLUSH_TIMEOUT);
    }
}
