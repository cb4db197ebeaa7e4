use std::{future::pending, sync::Arc};

use crate::app::{EventSink, FirstPosition, Lease, LoggedEvent, SinkConnection, SinkError, SinkKind, SinkOutcome};

/// The event sink `log`: one log line for each event of every tenant, written by the instance that works the sink.
#[derive(Clone, Copy, Debug)]
pub struct LogLines;

impl EventSink for LogLines {
    type Connection = WrittenLines;

    const KEEPS_ORDER: bool = true;
    const KIND: SinkKind = SinkKind::Log;
    // The log of a new service has no lines about older events.
    const BEGINS: FirstPosition = FirstPosition::End;

    fn name(&self) -> &'static str {
        "log"
    }

    async fn connect(&self, _: &Lease) -> Result<WrittenLines, SinkError> {
        Ok(WrittenLines::default())
    }
}

/// The lines that were written since the relay last looked.
#[derive(Debug, Default)]
pub struct WrittenLines(Vec<SinkOutcome>);

impl SinkConnection for WrittenLines {
    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        for event in events {
            log_event(event);
            self.0.push(SinkOutcome { position: event.numbers.position, result: Ok(()) });
        }
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        if self.0.is_empty() {
            return pending().await;
        }
        Ok(std::mem::take(&mut self.0))
    }
}

fn log_event(event: &LoggedEvent) {
    log::info!(
        target: "orders::events",
        position = event.numbers.position,
        sequence = event.numbers.sequence,
        event_type = event.event_type.as_str(),
        order_id:% = event.order_id,
        version = event.version,
        tenant:% = event.tenant;
        "event"
    );
}
