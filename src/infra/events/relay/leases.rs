use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::app::{Lease, NewSink, Ports, RepoError, SinkCursors, Telemetry};

/// How often an instance renews its leases, and takes those that have ended.
const RENEW_EVERY: Duration = Duration::from_millis(300);

/// The metrics of the sinks are about a second old.
const RENEWALS_PER_REPORT: u64 = 3;

/// What this instance held at the last renewal.
#[derive(Clone, Debug)]
pub(super) struct Held {
    leases: Vec<Lease>,
    /// By the clock of this process: from then on another instance may have the leases.
    ends: Instant,
}

impl Held {
    pub(super) fn none() -> Self {
        Self { leases: Vec::new(), ends: Instant::now() }
    }

    /// The lease of this sink and its end, unless an operator has paused the sink.
    pub(super) fn working(&self, sink: &str) -> Option<(&Lease, Instant)> {
        let is_current = Instant::now() < self.ends;
        let lease = self.leases.iter().find(|lease| is_current && lease.sink == sink && !lease.is_paused)?;
        Some((lease, self.ends))
    }
}

/// Renews the leases of this instance for as long as it is polled, and publishes what it holds.
pub(super) async fn keep_leases<P: Ports>(
    ports: P,
    instance: String,
    sinks: Vec<NewSink>,
    held: watch::Sender<Held>,
) -> Infallible {
    let (mut is_failing, mut renewals) = (false, 0_u64);
    let mut tick = tokio::time::interval(RENEW_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let begun = Instant::now();
        match ports.store().renew_leases(&instance, &sinks).await {
            Ok(leases) => {
                if is_failing {
                    log::info!("the leases of the sinks are renewed again");
                }
                is_failing = false;
                held.send_replace(Held { leases, ends: begun + P::Store::LEASE_LASTS });
                renewals += 1;
                if renewals % RENEWALS_PER_REPORT == 1
                    && let Ok(statuses) = ports.store().sinks().await
                {
                    ports.telemetry().sinks(&instance, &statuses);
                }
            }
            Err(error) => {
                if !is_failing {
                    // The log has a line about an outage when it refuses a request.
                    let is_outage = matches!(error, RepoError::Unavailable(_));
                    let level = if is_outage { log::Level::Info } else { log::Level::Warn };
                    log::log!(level, "cannot renew the leases of the sinks; trying again until it can: {error}");
                }
                is_failing = true;
                // The sinks look at the end of their leases.
                held.send_modify(|_| {});
            }
        }
    }
}
