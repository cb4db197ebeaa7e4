use std::{
    collections::HashSet,
    fmt,
    future::pending,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt, stream::FuturesUnordered};
use lapin::{Channel, Confirmation, Connection, ErrorKind, Event, PublisherConfirm, message::BasicReturnMessage};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::app::{LoggedEvent, SinkConnection, SinkError, SinkOutcome};

use super::{
    message::{publish, routing_key},
    socket::HangUp,
    unroutable::Unroutable,
};

/// How long the broker may block the connection before it is given up. Less than the time that the relay gives a call.
const MAX_BLOCKED: Duration = Duration::from_secs(8);

/// The confirm of an event, which the broker still owes.
struct Confirm {
    /// `None` once it is here.
    event: Option<Arc<LoggedEvent>>,
    confirm: PublisherConfirm,
}

type Confirmed = (Option<Arc<LoggedEvent>>, lapin::Result<Confirmation>);

impl Future for Confirm {
    type Output = Confirmed;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Confirmed> {
        Pin::new(&mut self.confirm).poll(context).map(|confirmed| (self.event.take(), confirmed))
    }
}

/// A connection with one channel, which confirms what it publishes.
pub struct RabbitMqConnection {
    connection: Connection,
    channel: Channel,
    broker: Broker,
    /// Of each event on its way.
    confirms: FuturesUnordered<Confirm>,
    unroutable: Unroutable,
    /// The ids of returned messages whose confirm is not here yet. lapin hands a returned message out with the next confirm,
    /// which may be that of another event.
    returned: HashSet<Uuid>,
    /// Behind the connection: lapin first tries to close it.
    _hang_up: HangUp,
}

/// What happens to the connection.
struct Broker {
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    /// Why and since when the broker takes nothing.
    blocked: Option<(String, Instant)>,
}

impl fmt::Debug for RabbitMqConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqConnection").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl RabbitMqConnection {
    /// The channel confirms what it publishes.
    pub(super) fn new(connection: Connection, channel: Channel, unroutable: Unroutable, hang_up: HangUp) -> Self {
        Self {
            broker: Broker { events: Box::pin(connection.events_listener()), blocked: None },
            connection,
            channel,
            confirms: FuturesUnordered::new(),
            unroutable,
            returned: HashSet::new(),
            _hang_up: hang_up,
        }
    }

    /// What the broker confirmed up to now, from this first confirm on.
    fn collect(&mut self, first: Confirmed) -> Result<Vec<SinkOutcome>, SinkError> {
        let mut confirms = vec![first];
        while let Some(Some(confirmed)) = self.confirms.next().now_or_never() {
            confirms.push(confirmed);
        }
        let mut outcomes = Vec::with_capacity(confirms.len());
        let mut confirmed = Vec::with_capacity(confirms.len());
        for (event, confirmation) in confirms {
            let (result, message) = result(confirmation.map_err(|error| lost(&error))?);
            if let Some(message) = message {
                self.unroutable.dropped(message.delivery.routing_key.as_str());
                self.returned.extend(event_id(&message));
            }
            confirmed.extend(event.map(|event| (event, result)));
        }
        // Only now all returned messages of these confirms are known.
        for (event, result) in confirmed {
            if !self.returned.remove(&event.event_id) && result.is_ok() {
                self.unroutable.taken(routing_key(&event.event_type));
            }
            outcomes.push(SinkOutcome { position: event.numbers.position, result });
        }
        if self.confirms.is_empty() {
            self.returned.clear();
        }
        Ok(outcomes)
    }
}

impl SinkConnection for RabbitMqConnection {
    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        self.broker.until_unblocked().await?;
        if !(self.connection.status().connected() && self.channel.status().connected()) {
            return Err(closed());
        }
        let mut publishing = Vec::with_capacity(events.len());
        for event in events {
            let mut published = Box::pin(publish(&self.channel, event));
            // The first poll queues the frames, in this order.
            match (&mut published).now_or_never() {
                Some(published) => self.confirms.push(confirm(event, published)?),
                None => publishing.push((event, published)),
            }
        }
        for (event, mut published) in publishing {
            let published = loop {
                tokio::select! {
                    published = &mut published => break published,
                    ended = self.broker.next() => ended?,
                }
            };
            self.confirms.push(confirm(event, published)?);
        }
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        loop {
            tokio::select! {
                Some(confirmed) = self.confirms.next() => return self.collect(confirmed),
                ended = self.broker.next() => ended?,
            }
        }
    }
}

impl Broker {
    /// Waits until the broker blocks or unblocks the connection. Fails if the connection ends, or is blocked for too long.
    async fn next(&mut self) -> Result<(), SinkError> {
        let end = self.blocked.as_ref().map(|(_, since)| *since + MAX_BLOCKED);
        let event = tokio::select! {
            event = self.events.next() => event,
            () = until(end) => {
                let reason = self.blocked.as_ref().map_or("", |(reason, _)| reason);
                return Err(SinkError::new(format!("the broker has blocked the connection: {reason}")));
            }
        };
        match event {
            // The broker may report a second alarm.
            Some(Event::ConnectionBlocked(reason)) => {
                let since = self.blocked.as_ref().map_or_else(Instant::now, |(_, since)| *since);
                self.blocked = Some((reason, since));
            }
            Some(Event::ConnectionUnblocked) => self.blocked = None,
            Some(Event::Error(error)) => return Err(lost(&error)),
            Some(_) => {}
            None => return Err(closed()),
        }
        Ok(())
    }

    async fn until_unblocked(&mut self) -> Result<(), SinkError> {
        while let Some(ended) = self.next().now_or_never() {
            ended?;
        }
        while self.blocked.is_some() {
            self.next().await?;
        }
        Ok(())
    }
}

fn confirm(event: &Arc<LoggedEvent>, published: lapin::Result<PublisherConfirm>) -> Result<Confirm, SinkError> {
    let confirm = published.map_err(|error| lost(&error))?;
    Ok(Confirm { event: Some(event.clone()), confirm })
}

/// What the broker says of an event, and a returned message, which may be that of another event.
fn result(confirmation: Confirmation) -> (Result<(), SinkError>, Option<Box<BasicReturnMessage>>) {
    match confirmation {
        // The broker is right about a returned message: nobody wants the event.
        Confirmation::Ack(message) => (Ok(()), message.map(Box::new)),
        Confirmation::Nack(message) => {
            let error = SinkError::new("the broker refuses it; a queue that rejects events is full");
            (Err(error), message.map(Box::new))
        }
        Confirmation::NotRequested => (Err(SinkError::new("the broker confirms nothing")), None),
    }
}

fn event_id(message: &BasicReturnMessage) -> Option<Uuid> {
    message.delivery.properties.message_id().as_ref()?.as_str().parse().ok()
}

fn lost(error: &lapin::Error) -> SinkError {
    let text = match error.kind() {
        ErrorKind::ProtocolError(error) => error.to_string(),
        _ => error.to_string(),
    };
    SinkError::new(format!("the connection to the broker is lost: {text}"))
}

fn closed() -> SinkError {
    SinkError::new("the connection to the broker is closed")
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}
