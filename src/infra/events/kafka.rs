use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext, ThreadedProducer},
};
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

use crate::app::{Audience, EventSink, Lease, LoggedEvent, SinkConnection, SinkError, SinkKind, SinkOutcome};

/// How long the brokers may take to describe the topic.
const METADATA_TIMEOUT: Duration = Duration::from_secs(8);

/// How often a connection without outcomes looks whether the producer has stopped.
const FATAL_CHECK: Duration = Duration::from_secs(1);

/// How many outcomes one call returns, at most.
const OUTCOMES: usize = 1024;

/// The event sink `kafka`: produces each event to a topic. The key is the order, so the events of one order are in one
/// partition, in their order.
pub struct Kafka {
    settings: KafkaSettings,
    /// The last position that the brokers refused since the last connection; 0 for none. They refuse a batch as a whole, so
    /// the next connection sends one event at a time up to here: then its error names the refused event, and every event
    /// before it is delivered.
    refused: Arc<AtomicU64>,
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
    /// Fails if librdkafka does not accept the settings, e.g. for a file with authorities that has none.
    pub fn new(settings: KafkaSettings) -> Result<Self, KafkaError> {
        // It knows no brokers, and connects to nothing.
        let (context, _) = Deliveries::new(Arc::default());
        let _: BaseProducer<Deliveries> =
            settings.producer().remove("bootstrap.servers").create_with_context(context)?;
        Ok(Self { settings, refused: Arc::default() })
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
            // Below every usual limit of a topic: the brokers refuse a batch that is too large, though no event of it is.
            .set("batch.size", "65536")
            // The brokers decide which event is too large.
            .set("message.max.bytes", "100000000")
            // As the clients in Java choose a partition.
            .set("partitioner", "murmur2_random")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            .set("security.protocol", self.security_protocol);
        if self.security_protocol.starts_with("sasl") {
            config.set("sasl.mechanism", self.sasl_mechanism);
        }
        if self.security_protocol.ends_with("ssl") {
            // The directory that OpenSSL looks in by itself is not in the image, and differs between systems.
            config.set("ssl.ca.location", self.ca_file.as_deref().unwrap_or("probe"));
        }
        for (name, value) in [("sasl.username", &self.username), ("sasl.password", &self.password)] {
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
        let (context, deliveries) = Deliveries::new(self.refused.clone());
        let trouble = context.trouble.clone();
        // librdkafka blocks.
        let connecting = spawn_blocking(move || {
            let producer: ThreadedProducer<Deliveries> =
                settings.producer().create_with_context(context).map_err(SinkError::new)?;
            check_topic(&producer, &settings.topic, &trouble).map(|()| (producer, settings.topic))
        });
        let (producer, topic) = connecting.await.map_err(SinkError::new)??;
        Ok(KafkaConnection {
            producer: Some(producer),
            topic,
            deliveries,
            waiting: VecDeque::new(),
            in_flight: 0,
            one_by_one_until: self.refused.swap(0, Ordering::Relaxed),
            failed: None,
        })
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
    deliveries: mpsc::UnboundedReceiver<Outcome>,
    /// Not given to librdkafka yet. The window of the relay bounds them.
    waiting: VecDeque<Arc<LoggedEvent>>,
    in_flight: usize,
    /// Up to this position, an event leaves when the one before is acknowledged.
    one_by_one_until: u64,
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
        self.waiting.extend(events.iter().cloned());
        self.produce_waiting()
    }

    async fn outcomes(&mut self) -> Result<Vec<SinkOutcome>, SinkError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        let mut outcomes = Vec::new();
        while outcomes.is_empty() {
            self.produce_waiting()?;
            let Ok(delivery) = timeout(FATAL_CHECK, self.deliveries.recv()).await else {
                // A producer that has stopped may report no event.
                if self.producer.as_ref().is_some_and(|producer| producer.client().fatal_error().is_some()) {
                    return Err(self.ended());
                }
                continue;
            };
            let Some(delivery) = delivery else { return Err(self.ended()) };
            self.apply(delivery, &mut outcomes)?;
            while outcomes.len() < OUTCOMES
                && let Ok(delivery) = self.deliveries.try_recv()
            {
                if let Err(error) = self.apply(delivery, &mut outcomes) {
                    // What was delivered before counts.
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(outcomes)
    }
}

impl KafkaConnection {
    /// Gives librdkafka what may leave now. An error counts when everything before it is acknowledged.
    fn produce_waiting(&mut self) -> Result<(), SinkError> {
        if self.failed.is_some() {
            return Ok(());
        }
        while let Some(event) = self.waiting.front() {
            let position = event.numbers.position;
            if position <= self.one_by_one_until && self.in_flight > 0 {
                break;
            }
            match self.produce(event) {
                Ok(()) => {
                    self.waiting.pop_front();
                    self.in_flight += 1;
                }
                // The queue is full, or an event that is on its way says why.
                Err(_) if self.in_flight > 0 => break,
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::Fatal)) => return Err(self.ended()),
                Err(error) => return Err(refused(position, &error)),
            }
        }
        Ok(())
    }

    fn produce(&self, event: &LoggedEvent) -> Result<(), KafkaError> {
        let Some(producer) = &self.producer else { return Err(KafkaError::Canceled) };
        // The opaque value of librdkafka has the size of a pointer.
        let opaque = usize::try_from(event.numbers.position).map_err(|_| KafkaError::Canceled)?;
        let key = event.order_id.to_string();
        let milliseconds = event.occurred_at.unix_timestamp_nanos() / 1_000_000;
        let record = BaseRecord::with_opaque_to(&self.topic, opaque)
            .key(&key)
            .payload(&event.data)
            .timestamp(i64::try_from(milliseconds).unwrap_or(0))
            .headers(headers(event));
        producer.send(record).map_err(|(error, _)| error)
    }

    fn apply(&mut self, (position, result): Outcome, outcomes: &mut Vec<SinkOutcome>) -> Result<(), SinkError> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match result {
            Ok(()) => outcomes.push(SinkOutcome { position, result: Ok(()) }),
            Err(error) if !is_dropped(&error) => return Err(refused(position, &error)),
            // The report about the refused event may come later than those about the events that were dropped for it.
            Err(_) if self.in_flight > 0 => {}
            Err(_) => return Err(self.ended()),
        }
        Ok(())
    }

    /// Why the producer takes no more events.
    fn ended(&self) -> SinkError {
        let fatal = self.producer.as_ref().and_then(|producer| producer.client().fatal_error());
        let reason = fatal.map(|(_, reason)| format!(": {reason}")).unwrap_or_default();
        SinkError::new(format!("the producer of librdkafka has ended{reason}"))
    }
}

/// Whether librdkafka dropped the event, because of an error that another event has.
const fn is_dropped(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fatal, PurgeInflight, PurgeQueue};
    matches!(error, KafkaError::MessageProduction(Fatal | PurgeInflight | PurgeQueue))
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
    sender: mpsc::UnboundedSender<Outcome>,
    trouble: Trouble,
    refused: Arc<AtomicU64>,
}

/// What became of the event at this position.
type Outcome = (u64, Result<(), KafkaError>);

impl Deliveries {
    fn new(refused: Arc<AtomicU64>) -> (Self, mpsc::UnboundedReceiver<Outcome>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, trouble: Trouble::default(), refused }, receiver)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        log::debug!("librdkafka: {facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log::debug!("librdkafka: {error}: {reason}");
        // It follows each reason why a broker is down, and has none.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.trouble.lock() = Some(reason.to_owned());
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let position = position as u64;
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        if result.as_ref().is_err_and(|error| !is_dropped(error)) {
            self.refused.fetch_max(position, Ordering::Relaxed);
        }
        // The receiver is gone when the relay has given up the connection.
        let _ = self.sender.send((position, result));
    }
}
