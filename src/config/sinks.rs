//! The settings of the sinks.

use std::{net::Ipv6Addr, path::PathBuf};

use clap::{Args, ValueEnum};

#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
pub struct SinksConfig {
    /// URL of a RabbitMQ that receives every event, as amqp://user:password@host:port/vhost, or amqps://… for TLS.
    ///
    /// The service declares the durable topic exchange orders.events and publishes there. Percent-encode special characters; the virtual host / is %2f. docs/CONSUMING.md says how to consume the events.
    #[arg(long, env = "ORDERS_AMQP_URL", value_name = "ORDERS_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,

    /// File with the authorities that the certificate of RabbitMQ may come from, besides the public ones, in PEM.
    ///
    /// It has an effect only with an amqps URL.
    #[arg(long, env = "ORDERS_AMQP_CA_FILE", value_name = "ORDERS_AMQP_CA_FILE")]
    pub amqp_ca_file: Option<PathBuf>,

    /// Brokers of a Kafka that receives every event, as host:port, separated by commas.
    ///
    /// The first addresses that the service tries; the brokers name the others. Only in a build with the feature kafka, such as the image.
    #[arg(long, env = "ORDERS_KAFKA_BROKERS", value_name = "ORDERS_KAFKA_BROKERS", value_parser = brokers)]
    pub kafka_brokers: Option<String>,

    /// Topic of Kafka that receives the events. It has to exist, unless the brokers create topics.
    ///
    /// The key of an event is its order, so the events of one order are in one partition.
    #[arg(
        long,
        env = "ORDERS_KAFKA_TOPIC",
        value_name = "ORDERS_KAFKA_TOPIC",
        default_value = "orders.events",
        value_parser = topic
    )]
    pub kafka_topic: String,

    /// How the service talks to Kafka: plaintext, ssl, sasl_plaintext or sasl_ssl.
    ///
    /// sasl is for a user and a password, ssl for TLS.
    #[arg(
        long,
        env = "ORDERS_KAFKA_SECURITY_PROTOCOL",
        value_name = "ORDERS_KAFKA_SECURITY_PROTOCOL",
        value_enum,
        default_value = "plaintext"
    )]
    pub kafka_security_protocol: KafkaSecurityProtocol,

    /// How Kafka checks the password: plain, scram-sha-256 or scram-sha-512.
    ///
    /// It has an effect only with sasl_plaintext and sasl_ssl.
    #[arg(
        long,
        env = "ORDERS_KAFKA_SASL_MECHANISM",
        value_name = "ORDERS_KAFKA_SASL_MECHANISM",
        value_enum,
        default_value = "scram-sha-512"
    )]
    pub kafka_sasl_mechanism: KafkaSaslMechanism,

    /// User of Kafka.
    ///
    /// Required for sasl_plaintext and sasl_ssl, without an effect otherwise.
    #[arg(long, env = "ORDERS_KAFKA_USERNAME", value_name = "ORDERS_KAFKA_USERNAME")]
    pub kafka_username: Option<String>,

    /// Password of the user of Kafka.
    ///
    /// Required for sasl_plaintext and sasl_ssl, without an effect otherwise.
    #[arg(long, env = "ORDERS_KAFKA_PASSWORD", value_name = "ORDERS_KAFKA_PASSWORD", hide_env_values = true)]
    pub kafka_password: Option<String>,

    /// File with the authorities that the certificates of the brokers may come from, instead of those of the system, in PEM.
    ///
    /// It has an effect only with ssl and sasl_ssl.
    #[arg(long, env = "ORDERS_KAFKA_CA_FILE", value_name = "ORDERS_KAFKA_CA_FILE")]
    pub kafka_ca_file: Option<PathBuf>,
}

impl SinksConfig {
    /// Whether Kafka requires a user and a password that are not set.
    pub(super) fn lacks_kafka_credentials(&self) -> bool {
        let is_sasl = match self.kafka_security_protocol {
            KafkaSecurityProtocol::SaslPlaintext | KafkaSecurityProtocol::SaslSsl => true,
            KafkaSecurityProtocol::Plaintext | KafkaSecurityProtocol::Ssl => false,
        };
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let has_both = is_set(&self.kafka_username) && is_set(&self.kafka_password);
        self.kafka_brokers.is_some() && is_sasl && !has_both
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KafkaSecurityProtocol {
    #[value(name = "plaintext")]
    Plaintext,
    #[value(name = "ssl")]
    Ssl,
    #[value(name = "sasl_plaintext")]
    SaslPlaintext,
    #[value(name = "sasl_ssl")]
    SaslSsl,
}

impl KafkaSecurityProtocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KafkaSaslMechanism {
    #[value(name = "plain")]
    Plain,
    #[value(name = "scram-sha-256")]
    ScramSha256,
    #[value(name = "scram-sha-512")]
    ScramSha512,
}

impl KafkaSaslMechanism {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// The names that Kafka allows for topics.
fn topic(text: &str) -> Result<String, String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=249).contains(&text.len()) && text.bytes().all(is_allowed) && !matches!(text, "." | "..") {
        Ok(text.to_owned())
    } else {
        Err("a topic has 1 to 249 letters, digits, dots, underscores and hyphens".to_owned())
    }
}

/// Addresses as librdkafka reads them, without the security protocol in front of each, which has a setting of its own.
fn brokers(text: &str) -> Result<String, String> {
    let is_broker = |broker: &str| {
        let (host, port) = broker.trim().rsplit_once(':').unwrap_or_default();
        // Names in networks of containers may have underscores.
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = !host.is_empty() && host.bytes().all(is_name)
            || address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
        is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if text.split(',').all(is_broker) {
        Ok(text.to_owned())
    } else {
        Err("brokers are host:port, separated by commas, e.g. kafka-1:9092,kafka-2:9092".to_owned())
    }
}
