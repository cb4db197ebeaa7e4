use std::{convert::Infallible, sync::Arc};

use super::{EventBus, EventFilter, EventLog, Ports, RepoError};

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
                Ok(published) => {
                    if away {
                        log::info!("the log is followed again");
                        away = false;
                    }
                    if published == Self::LIMIT {
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

    /// How many events there were.
    async fn publish_next(&self, position: &mut Option<u64>) -> Result<usize, RepoError> {
        let store = self.0.store();
        let Some(after) = *position else {
            *position = Some(store.log_bounds().await?.last);
            return Ok(0);
        };
        let events = store.events(&EventFilter::default(), after, u64::MAX, Self::LIMIT).await?;
        let published = events.len();
        for event in events {
            *position = Some(event.position);
            self.0.bus().publish(Arc::new(event));
        }
        Ok(published)
    }
}
