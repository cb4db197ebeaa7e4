use std::{convert::Infallible, time::Duration};

use crate::app::{
    EventFilter, EventStream, EventStreamError, LoggedEvent, Ports, ReadEventsError, SubscribeEvents,
    SubscribeEventsRequest, Telemetry,
};

/// The pause before the next attempt when the store is unavailable.
const PAUSE: Duration = Duration::from_secs(1);

/// The event sink `log`: logs one line for each event of every tenant from now on, in order, for as long as it is polled.
/// After an outage of the store or a burst of events, it catches up. Like every sink it must not block its thread.
pub async fn log_events<P: Ports>(ports: P) -> Infallible {
    let mut after = None;
    loop {
        let request = SubscribeEventsRequest { filter: EventFilter::default(), after };
        let ended = match SubscribeEvents(&ports).execute(request).await {
            Ok(stream) => log_stream(&ports, stream, &mut after).await,
            Err(error) => error.into(),
        };
        match ended {
            EventStreamError::Lagged(_) => {}
            EventStreamError::Read(ReadEventsError::Retired { first }) => {
                log::warn!(first; "events were retired before they were logged");
                after = Some(first.saturating_sub(1));
            }
            EventStreamError::Read(ReadEventsError::Ahead { last }) => {
                log::warn!(after, last; "the event log was restored from an older state; the sink continues at its end");
                after = Some(last);
            }
            // The follower of the event log has logged the outage as a warning.
            EventStreamError::Read(ReadEventsError::Store(error)) => {
                log::debug!("cannot read the event log; the next attempt is in {PAUSE:?}: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn log_stream<P: Ports>(ports: &P, mut stream: EventStream<P>, after: &mut Option<u64>) -> EventStreamError {
    loop {
        *after = Some(stream.position());
        ports.telemetry().delivered("log", stream.position());
        match stream.next().await {
            Ok(event) => log_event(&event),
            Err(error) => return error,
        }
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
