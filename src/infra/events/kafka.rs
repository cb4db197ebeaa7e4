use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer},
};
use tokio::{sync::mpsc, task::spawn_blocking, time::sleep};

use crate::app::{Audience, EventSink, Lease, LoggedEvent, SinkConnection, SinkError, SinkKind, SinkOutcome};

/// How long the brokers may take to describe the topic.
const METADATA_TIMEOUT: Duration = Duration::from_secs(8);

/// The pause while the queue of librdkafka is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// How many outcomes one call returns, at most.
const OUTCOMES: usize = 1024;

/// The event sink `kafka`: produces each event to a topic. The key is the order, so the events of one order are in one
/// partition, in their order.
pub struct Kafka {
    settings: KafkaSettings,
}

/// How to reach the brokers. Its text has no password.
#[derive(Clone)]
pub struct KafkaSettings {
    /// host:port, separated by commas.
    pub brokers: String,
    pub topic: String,
    /// plaintext, ssl, `sasl_plaintext` or `sasl_ssl`.
    pub security_protocol: &'static str,
    /// PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    pub sasl_mechanism: &'static str,
    pub username: Option<String>,
    pub password: Option<String>,
    /// The authorities that the certificates of the brokers may come from, instead of those of the system.
    pub ca_file: Option<String>,
}

impl Kafka {
    pub const fn new(settings: KafkaSettings) -> Self {
        Self { settings }
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("brokers", &self.settings.brokers).finish_non_exhaustive()
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

impl KafkaSettings {
    /// The producer never gives an event up by itself: the relay gives up the connection, and sends the event again before
    /// those behind it.
    fn producer(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "orders")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // A refused event stops the producer, so that no later one of its partition passes it.
            .set("enable.gapless.guarantee", "true")
            .set("message.timeout.ms", "0")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            // As the clients in Java choose a partition.
            .set("partitioner", "murmur2_random")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            .set("security.protocol", self.security_protocol);
        if self.security_protocol.starts_with("sasl") {
            config.set("sasl.mechanism", self.sasl_mechanism);
        }
        let optional =
            [("sasl.username", &self.username), ("sasl.password", &self.password), ("ssl.ca.location", &self.ca_file)];
        for (name, value) in optional {
            if let Some(value) = value {
                config.set(name, value);
            }
        }
        config
    }
}

impl EventSink for Kafka {
    type Connection = KafkaConnection;

    // An idempotent producer keeps the order of each partition.
    const KEEPS_ORDER: bool = true;
    const KIND: SinkKind = SinkKind::Broker;

    fn name(&self) -> &'static str {
        "kafka"
    }

    async fn connect(&self, _: &Lease) -> Result<KafkaConnection, SinkError> {
        let settings = self.settings.clone();
        let (sender, deliveries) = mpsc::unbounded_channel();
        let trouble = Trouble::default();
        let context = Deliveries { sender, trouble: trouble.clone() };
        // librdkafka blocks.
        let connecting = spawn_blocking(move || {
            let producer: ThreadedProducer<Deliveries> =
                settings.producer().create_with_context(context).map_err(SinkError::new)?;
            check_topic(&producer, &settings.topic, &trouble).map(|()| (producer, settings.topic))
        });
        let (producer, topic) = connecting.await.map_err(SinkError::new)??;
        Ok(KafkaConnection { producer: Some(producer), topic, deliveries, failed: None })
    }
}

/// A missing topic would otherwise be noticed by silence only.
fn check_topic(producer: &ThreadedProducer<Deliveries>, topic: &str, trouble: &Trouble) -> Result<(), SinkError> {
    let metadata = producer.client().fetch_metadata(Some(topic), METADATA_TIMEOUT).map_err(|error| {
        let reason = trouble.last().unwrap_or_else(|| error.to_string());
        SinkError::new(format!("the brokers in ORDERS_KAFKA_BROKERS do not answer: {reason}"))
    })?;
    let error =
        metadata.topics().iter().find(|found| found.name() == topic).and_then(rdkafka::metadata::MetadataTopic::error);
    match error.map(RDKafkaErrorCode::from) {
        None => Ok(()),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Err(SinkError::new(format!("the topic {topic} does not exist; create it, or set ORDERS_KAFKA_TOPIC")))
        }
        Some(error) => Err(SinkError::new(format!("the topic {topic}: {error}"))),
    }
}

/// A producer, and what becomes of its events.
pub struct KafkaConnection {
    /// `None` only while it is dropped.
    producer: Option<ThreadedProducer<Deliveries>>,
    topic: String,
    deliveries: mpsc::UnboundedReceiver<(u64, Result<(), KafkaError>)>,
    /// Why the connection ends.
    failed: Option<SinkError>,
}

impl fmt::Debug for KafkaConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConnection").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Drop for KafkaConnection {
    fn drop(&mut self) {
        // It gives up what is on its way, and joins a thread.
        if let Some(producer) = self.producer.take() {
            spawn_blocking(move || drop(producer));
        }
    }
}

impl SinkConnection for KafkaConnection {
    async fn send(&mut self, events: &[Arc<LoggedEvent>]) -> Result<(), SinkError> {
        for event in events {
            while !self.produce(event)? {
                sleep(QUEUE_PAUSE).await;
            }
        }
        Ok(())
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        let gone = || SinkError::new("the producer has ended");
        let mut outcomes = vec![outcome(self.deliveries.recv().await.ok_or_else(gone)?)?];
        while outcomes.len() < OUTCOMES {
            let Ok(delivery) = self.deliveries.try_recv() else { break };
            match outcome(delivery) {
                Ok(outcome) => outcomes.push(outcome),
                // What was delivered before counts.
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(outcomes)
    }
}

impl KafkaConnection {
    /// `false` if the queue is full.
    fn produce(&self, event: &LoggedEvent) -> Result<bool, SinkError> {
        let Some(producer) = &self.producer else { return Err(SinkError::new("the producer has ended")) };
        let position = event.numbers.position;
        // The opaque value of librdkafka has the size of a pointer.
        let opaque = usize::try_from(position).map_err(SinkError::new)?;
        let key = event.order_id.to_string();
        let milliseconds = event.occurred_at.unix_timestamp_nanos() / 1_000_000;
        let record = BaseRecord::with_opaque_to(&self.topic, opaque)
            .key(&key)
            .payload(&event.data)
            .timestamp(i64::try_from(milliseconds).unwrap_or(0))
            .headers(headers(event));
        match producer.send(record) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((error, _)) => Err(refused(position, &error)),
        }
    }
}

fn outcome((position, result): (u64, Result<(), KafkaError>)) -> Result<SinkOutcome, SinkError> {
    match result {
        Ok(()) => Ok(SinkOutcome { position, result: Ok(()) }),
        Err(error) => Err(refused(position, &error)),
    }
}

fn refused(position: u64, error: &KafkaError) -> SinkError {
    let reason = match error {
        KafkaError::MessageProduction(code) => code.to_string(),
        error => error.to_string(),
    };
    SinkError::new(format!("the brokers refuse the event at position {position}: {reason}"))
}

/// The binary mode of the Kafka binding of CloudEvents 1.0 (section 3.2).
fn headers(event: &LoggedEvent) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for (name, value) in event.attributes(Audience::AllTenants) {
        let value = value.to_string();
        let name = if name == "datacontenttype" { "content-type".to_owned() } else { format!("ce_{name}") };
        headers = headers.insert(Header { key: &name, value: Some(&value) });
    }
    headers
}

/// The last trouble with the brokers, for the error of a connection.
#[derive(Clone, Default)]
struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Option<String> {
        self.lock().clone()
    }
}

/// Receives what librdkafka reports, on a thread of its own.
struct Deliveries {
    sender: mpsc::UnboundedSender<(u64, Result<(), KafkaError>)>,
    trouble: Trouble,
}

impl ClientContext for Deliveries {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        log::debug!("librdkafka: {facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log::debug!("librdkafka: {error}: {reason}");
        *self.trouble.lock() = Some(reason.to_owned());
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // The receiver is gone when the relay has given up the connection.
        let _ = self.sender.send((position as u64, result));
    }
}
