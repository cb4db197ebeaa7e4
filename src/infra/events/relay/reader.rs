use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};

use crate::app::{
    EventFilter, EventStreamError, LoggedEvent, Ports, ReadEventsError, SinkError, SubscribeEvents,
    SubscribeEventsRequest,
};

/// How many events one batch has, at most.
pub(super) const READ_BATCH: usize = 256;

/// The batches that are read ahead.
const READ_AHEAD: usize = 4;

/// The pause before the next attempt while the store is unavailable.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the event log for one sink, in a task of its own: at the end of the event log it receives what is published for
/// all readers of the process, and further behind it reads pages of its own. Dropping it ends the task.
#[derive(Debug)]
pub(super) struct Reader {
    batches: mpsc::Receiver<Result<Vec<Arc<LoggedEvent>>, SinkError>>,
    /// Why it has ended, behind the events that were returned.
    failed: Option<SinkError>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Begins with the event after this position.
    pub(super) fn start<P: Ports>(ports: P, after: u64) -> Self {
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        Self { batches, failed: None, task: tokio::spawn(async move { read(&ports, after, &sender).await }) }
    }

    /// Waits for the next events, and returns those that are here: `limit` at most, and `READ_BATCH` at least. The reader
    /// ends with an error. A call that is dropped loses nothing.
    pub(super) async fn next(&mut self, limit: usize) -> Result<Vec<Arc<LoggedEvent>>, SinkError> {
        let panicked = || Err(SinkError::new("the reader of the event log panicked"));
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        let mut events = self.batches.recv().await.unwrap_or_else(panicked)?;
        while events.len() + READ_BATCH <= limit {
            match self.batches.try_recv() {
                Ok(Ok(more)) => events.extend(more),
                Ok(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(events)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Batches = mpsc::Sender<Result<Vec<Arc<LoggedEvent>>, SinkError>>;

async fn read<P: Ports>(ports: &P, mut after: u64, batches: &Batches) {
    loop {
        let ended = follow(ports, &mut after, batches).await;
        match ended {
            // The relay has ended.
            None => return,
            Some(EventStreamError::Lagged(_)) => {}
            Some(EventStreamError::Read(ReadEventsError::Store(error))) => {
                // The follower of the event log has logged the outage.
                log::debug!("cannot read the event log; the next attempt is in {PAUSE:?}: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            Some(EventStreamError::Read(ReadEventsError::Retired { first })) => {
                let error = format!(
                    "the events behind position {after} are retired; move the sink to position {} or later",
                    first.saturating_sub(1)
                );
                return drop(batches.send(Err(SinkError::new(error))).await);
            }
            Some(EventStreamError::Read(ReadEventsError::Ahead { last })) => {
                let error = format!(
                    "the event log ends at position {last}, before the cursor of the sink at {after}: it was restored from \
                    an older state; move the sink to position {last} or earlier"
                );
                return drop(batches.send(Err(SinkError::new(error))).await);
            }
        }
    }
}

/// `None` if nobody receives the batches any more.
async fn follow<P: Ports>(ports: &P, after: &mut u64, batches: &Batches) -> Option<EventStreamError> {
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: Some(*after) };
    let mut stream = match SubscribeEvents(ports).execute(request).await {
        Ok(stream) => stream,
        Err(error) => return Some(error.into()),
    };
    loop {
        match stream.next_batch(READ_BATCH).await {
            Ok(batch) => batches.send(Ok(batch)).await.ok()?,
            Err(error) => return Some(error),
        }
        *after = stream.position();
    }
}
