use std::{convert::Infallible, sync::Arc};

use crate::app::{EventBus, EventLog, LogSlice, Ports, RepoError, Telemetry};

/// Reads the log as it grows and publishes it on the bus: the one reader of a process, for everyone who subscribes.
#[derive(Debug)]
pub struct FollowLog<'a, P>(pub &'a P);

impl<P: Ports> FollowLog<'_, P> {
    const LIMIT: usize = 1000;

    /// Runs for as long as it is polled. It begins with what comes next; a store that is away is asked again.
    pub async fn run(&self) -> Infallible {
        let mut position = None;
        let mut away = false;
        loop {
            match self.publish_next(&mut position).await {
                Ok(more) => {
                    if away {
                        log::info!("the log is followed again");
                        away = false;
                    }
                    if more {
                        continue;
                    }
                }
                Err(error) => {
                    if !away {
                        log::warn!("the log cannot be followed now, and is asked for until it can: {error}");
                        away = true;
                    }
                }
            }
            self.0.store().news().await;
        }
    }

    /// Whether there may be more.
    async fn publish_next(&self, position: &mut Option<u64>) -> Result<bool, RepoError> {
        let Some(after) = *position else {
            // The newest event is told again. Who has read it skips it; who read the log just before it was written,
            // when nobody told yet, learns that there is more to read.
            let last = self.0.store().log_bounds().await?.last;
            *position = Some(last.saturating_sub(1));
            return Ok(true);
        };
        let LogSlice { bounds, events, .. } = self.0.store().tail(after, Self::LIMIT).await?;
        if bounds.last < after {
            log::warn!(after, last = bounds.last; "the log ends before what was told of it: it was restored from an older state");
            *position = Some(bounds.last);
        }
        let more = events.len() == Self::LIMIT;
        for event in events {
            *position = Some(event.position);
            self.0.bus().publish(Arc::new(event));
        }
        if let Some(published) = *position {
            self.0.telemetry().published(published);
        }
        Ok(more)
    }
}
