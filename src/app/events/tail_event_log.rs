use std::{convert::Infallible, sync::Arc};

use crate::app::{EventBus, EventLog, EventLogSlice, Ports, Publication, RepoError, Telemetry};

/// Reads the event log as it grows, and publishes each event on the bus. A process has one reader for all subscribers.
#[derive(Debug)]
pub struct TailEventLog<'a, P>(pub &'a P);

impl<P: Ports> TailEventLog<'_, P> {
    const LIMIT: usize = 1000;

    /// Begins with the next new event, and never ends. While the store is unavailable, it tries again.
    pub async fn run(&self) -> Infallible {
        let mut position = None;
        let mut is_failing = false;
        loop {
            match self.publish_next(&mut position).await {
                Ok(more) => {
                    if is_failing {
                        log::info!("the event log is followed again");
                        is_failing = false;
                    }
                    if more {
                        continue;
                    }
                }
                Err(error) => {
                    if !is_failing {
                        // The log has a line about an outage when it refuses a request.
                        let is_outage = matches!(error, RepoError::Unavailable(_));
                        let level = if is_outage { log::Level::Info } else { log::Level::Warn };
                        log::log!(level, "the event log cannot be read; trying again until it can: {error}");
                        is_failing = true;
                    }
                }
            }
            self.0.store().news().await;
        }
    }

    /// Whether the event log may have more.
    async fn publish_next(&self, position: &mut Option<u64>) -> Result<bool, RepoError> {
        let Some(after) = *position else {
            // A subscriber that came before may have read the event log when nobody published: it has to read on.
            *position = Some(self.0.store().bounds(None).await?.last);
            self.0.bus().publish(Publication::Resync);
            return Ok(true);
        };
        let EventLogSlice { bounds, events, .. } = self.0.store().tail(after, Self::LIMIT).await?;
        if bounds.last < after {
            log::warn!(after, last = bounds.last; "the event log ends before the last published event: the database was restored from an older backup");
            *position = Some(bounds.last);
            self.0.bus().publish(Publication::Resync);
        }
        let more = events.len() == Self::LIMIT;
        for event in events {
            *position = Some(event.numbers.position);
            self.0.bus().publish(Publication::Event(Arc::new(event)));
        }
        if let Some(published) = *position {
            self.0.telemetry().published(published);
        }
        Ok(more)
    }
}
