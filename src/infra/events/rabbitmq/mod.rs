use std::{
    fmt,
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, Event, ExchangeKind,
    PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    tcp::OwnedTLSConfig,
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, sleep_until};

use crate::{
    app::{AttributeValue, Audience, EventSink, Lease, LoggedEvent, SinkConnection, SinkError, SinkKind, SinkOutcome},
    infra::observability::Metrics,
};

/// The durable topic exchange that receives every event.
const EXCHANGE: &str = "orders.events";

/// In seconds; the URL may have another value. Two missed heartbeats end the connection.
const HEARTBEAT: u16 = 10;

/// How long the broker may block the connection before it is given up. Less than the time that the relay gives a call.
const MAX_BLOCKED: Duration = Duration::from_secs(8);

/// How many outcomes one call returns, at most.
const OUTCOMES: usize = 256;

/// The event sink `rabbitmq`: publishes each event to a topic exchange, and counts on the confirms of the broker.
#[derive(Debug)]
pub struct RabbitMq {
    uri: AMQPUri,
    /// The authorities that the broker's certificate may come from, besides the public ones: in PEM.
    authorities: Option<String>,
    unroutable: Counter,
    /// Whether the log says that no queue takes the events.
    is_unroutable: Arc<AtomicBool>,
}

/// Why a URL is refused. It does not show the URL, which may have a password.
#[derive(Debug, thiserror::Error)]
pub enum AmqpUrlError {
    #[error("it is not of the form amqp://user:password@host:port/vhost or amqps://…")]
    Malformed,
}

impl RabbitMq {
    pub fn new(url: &str, authorities: Option<String>, metrics: &Metrics) -> Result<Self, AmqpUrlError> {
        let mut uri: AMQPUri = url.parse().map_err(|_| AmqpUrlError::Malformed)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let unroutable = Counter::default();
        metrics.register(|registry| {
            registry.register(
                "amqp_unroutable_events",
                "Events that RabbitMQ dropped, because no queue was bound for them",
                unroutable.clone(),
            );
        });
        Ok(Self { uri, authorities, unroutable, is_unroutable: Arc::default() })
    }
}

impl EventSink for RabbitMq {
    type Connection = RabbitMqConnection;

    // The broker can refuse an event because a queue is full, and take the next one.
    const KEEPS_ORDER: bool = false;
    const KIND: SinkKind = SinkKind::Broker;

    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    async fn connect(&self, _: &Lease) -> Result<RabbitMqConnection, SinkError> {
        let properties = ConnectionProperties::default().with_connection_name("orders".into());
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.authorities.clone() };
        let runtime = lapin::runtime::default_runtime().map_err(SinkError::new)?;
        let connecting = Connection::connect_uri_with_config(self.uri.clone(), properties, tls, runtime);
        let connection = connecting.await.map_err(|error| cannot_connect(&error))?;
        let broker = Box::pin(connection.events_listener());
        let channel = connection.create_channel().await.map_err(SinkError::new)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(SinkError::new)?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared = channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, options, FieldTable::default());
        declared.await.map_err(|error| wrong_exchange(&error))?;
        Ok(RabbitMqConnection {
            connection,
            channel,
            broker,
            confirms: FuturesUnordered::new(),
            blocked: None,
            unroutable: self.unroutable.clone(),
            is_unroutable: self.is_unroutable.clone(),
        })
    }
}

fn cannot_connect(error: &lapin::Error) -> SinkError {
    let text = error.to_string();
    if text.contains("ACCESS_REFUSED") {
        return SinkError::new("the broker refuses the user or the password in ORDERS_AMQP_URL");
    }
    if text.contains("NOT_ALLOWED") || text.contains("not found") {
        return SinkError::new(format!("the broker refuses the virtual host in ORDERS_AMQP_URL: {text}"));
    }
    SinkError::new(format!("cannot connect to the broker in ORDERS_AMQP_URL: {text}"))
}

fn wrong_exchange(error: &lapin::Error) -> SinkError {
    let text = error.to_string();
    if text.contains("PRECONDITION_FAILED") {
        return SinkError::new(format!(
            "the exchange {EXCHANGE} is not a durable topic exchange; delete it, and the service declares it: {text}"
        ));
    }
    SinkError::new(format!("cannot declare the exchange {EXCHANGE}: {text}"))
}

/// The confirm of the event at this position, which the broker still owes.
struct Confirm {
    position: u64,
    confirm: PublisherConfirm,
}

impl Future for Confirm {
    type Output = (u64, lapin::Result<Confirmation>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let position = self.position;
        Pin::new(&mut self.confirm).poll(context).map(|confirmed| (position, confirmed))
    }
}

/// A connection with one channel, which confirms what it publishes.
pub struct RabbitMqConnection {
    connection: Connection,
    channel: Channel,
    /// What happens to the connection.
    broker: Pin<Box<dyn Stream<Item = Event> + Send>>,
    /// Of each event on its way.
    confirms: FuturesUnordered<Confirm>,
    /// Why and since when the broker takes nothing.
    blocked: Option<(String, Instant)>,
    unroutable: Counter,
    is_unroutable: Arc<AtomicBool>,
}

impl fmt::Debug for RabbitMqConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqConnection").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl SinkConnection for RabbitMqConnection {
    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        self.wait_until_unblocked().await?;
        let mut publishing = Vec::with_capacity(events.len());
        for event in events {
            let position = event.numbers.position;
            let mut published = Box::pin(publish(&self.channel, event));
            // The first poll queues the frames, in this order.
            match (&mut published).now_or_never() {
                Some(published) => {
                    let confirm = published.map_err(|error| lost(&error))?;
                    self.confirms.push(Confirm { position, confirm });
                }
                None => publishing.push((position, published)),
            }
        }
        for (position, published) in publishing {
            let confirm = published.await.map_err(|error| lost(&error))?;
            self.confirms.push(Confirm { position, confirm });
        }
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        loop {
            let blocked_until = self.blocked.as_ref().map(|(_, since)| *since + MAX_BLOCKED);
            tokio::select! {
                Some(confirmed) = self.confirms.next() => return self.collect(confirmed),
                event = self.broker.next() => self.heed(event)?,
                () = until(blocked_until) => return Err(self.is_blocked()),
            }
        }
    }
}

impl RabbitMqConnection {
    /// The outcomes that are there, from this first one on.
    fn collect(&mut self, first: (u64, lapin::Result<Confirmation>)) -> Result<Vec<SinkOutcome>, SinkError> {
        let mut outcomes = vec![self.outcome(first)?];
        while outcomes.len() < OUTCOMES {
            match self.confirms.next().now_or_never() {
                Some(Some(confirmed)) => outcomes.push(self.outcome(confirmed)?),
                _ => break,
            }
        }
        Ok(outcomes)
    }

    fn outcome(&self, (position, confirmed): (u64, lapin::Result<Confirmation>)) -> Result<SinkOutcome, SinkError> {
        let result = match confirmed.map_err(|error| lost(&error))? {
            Confirmation::Ack(None) => {
                if self.is_unroutable.swap(false, Ordering::Relaxed) {
                    log::info!("a queue of RabbitMQ takes the events again");
                }
                Ok(())
            }
            // The broker is right: nobody wants the event.
            Confirmation::Ack(Some(returned)) => {
                self.unroutable.inc();
                if !self.is_unroutable.swap(true, Ordering::Relaxed) {
                    let routing_key = returned.delivery.routing_key.as_str();
                    log::warn!(
                        routing_key;
                        "RabbitMQ drops events, because no queue is bound to the exchange {EXCHANGE} for them"
                    );
                }
                Ok(())
            }
            Confirmation::Nack(_) => Err(SinkError::new("the broker refuses it; a queue that rejects events is full")),
            Confirmation::NotRequested => Err(SinkError::new("the broker confirms nothing")),
        };
        Ok(SinkOutcome { position, result })
    }

    async fn wait_until_unblocked(&mut self) -> Result<(), SinkError> {
        while let Some(event) = self.broker.next().now_or_never() {
            self.heed(event)?;
        }
        while let Some((_, since)) = &self.blocked {
            let blocked_until = *since + MAX_BLOCKED;
            tokio::select! {
                event = self.broker.next() => self.heed(event)?,
                () = sleep_until(blocked_until) => return Err(self.is_blocked()),
            }
        }
        Ok(())
    }

    fn heed(&mut self, event: Option<Event>) -> Result<(), SinkError> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => self.blocked = Some((reason, Instant::now())),
            Some(Event::ConnectionUnblocked) => self.blocked = None,
            Some(Event::Error(error)) => return Err(lost(&error)),
            Some(_) if self.connection.status().connected() && self.channel.status().connected() => {}
            Some(_) | None => return Err(SinkError::new("the connection to the broker is closed")),
        }
        Ok(())
    }

    fn is_blocked(&self) -> SinkError {
        let reason = self.blocked.as_ref().map_or("", |(reason, _)| reason);
        SinkError::new(format!("the broker has blocked the connection: {reason}"))
    }
}

fn lost(error: &lapin::Error) -> SinkError {
    let text = match error.kind() {
        ErrorKind::ProtocolError(error) => error.to_string(),
        _ => error.to_string(),
    };
    SinkError::new(format!("the connection to the broker is lost: {text}"))
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}

async fn publish(channel: &Channel, event: &LoggedEvent) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let payload = event.data.as_bytes();
    channel.basic_publish(EXCHANGE.into(), routing_key(&event.event_type), options, payload, properties(event)).await
}

/// The type of the event without the version of its data: `order.created`.
fn routing_key(event_type: &str) -> ShortString {
    let is_version = |suffix: &str| suffix.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    let name = event_type.rsplit_once('.').filter(|(_, suffix)| is_version(suffix)).map(|(name, _)| name);
    name.unwrap_or(event_type).into()
}

/// The binary mode of CloudEvents. Its AMQP binding is for AMQP 1.0; its prefix for headers suits this version too.
fn properties(event: &LoggedEvent) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in event.attributes(Audience::AllTenants) {
        let value = match value {
            AttributeValue::Integer(integer) => AMQPValue::LongLongInt(integer.into()),
            value => AMQPValue::LongString(value.to_string().into()),
        };
        if name != "datacontenttype" {
            headers.insert(format!("cloudEvents_{name}").into(), value);
        }
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.event_id.to_string().into())
        .with_timestamp(event.occurred_at.unix_timestamp().cast_unsigned())
        .with_type(event.event_type.as_str().into())
        .with_app_id("orders".into())
        .with_headers(headers)
}

const PERSISTENT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routing_key_is_the_type_without_its_version() {
        for (event_type, key) in [
            ("order.created.v1", "order.created"),
            ("order.item_added.v12", "order.item_added"),
            ("order.version", "order.version"),
            ("order.v", "order.v"),
        ] {
            assert_eq!(routing_key(event_type).as_str(), key);
        }
    }

    #[test]
    fn a_url_is_refused_without_showing_it() {
        let metrics = Metrics::new("0", "test");
        for url in ["http://user:secret@host", "amqp://user:secret@host:port", "secret"] {
            let error = RabbitMq::new(url, None, &metrics).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(RabbitMq::new("amqps://user:secret@host:5671/vhost", None, &metrics).is_ok());
    }
}
