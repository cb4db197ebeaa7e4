//! The event sink for RabbitMQ.

mod connection;
mod message;
mod socket;
mod unroutable;

use std::net::{AddrParseError, Ipv6Addr};

use lapin::{
    Channel, ConnectionProperties, ExchangeKind,
    options::{ConfirmSelectOptions, ExchangeDeclareOptions},
    types::FieldTable,
    uri::AMQPUri,
};

use crate::{
    app::{EventSink, Lease, SinkError, SinkKind},
    infra::observability::Metrics,
};

use self::{connection::RabbitMqConnection, message::EXCHANGE, unroutable::Unroutable};

/// In seconds; the URL may have another value. Two missed heartbeats end the connection.
const HEARTBEAT: u16 = 10;

/// The event sink `rabbitmq`: publishes each event to a topic exchange, and counts on the confirms of the broker.
#[derive(Debug)]
pub struct RabbitMq {
    uri: AMQPUri,
    /// The authorities that the broker's certificate may come from, besides the public ones: in PEM.
    authorities: Option<String>,
    unroutable: Unroutable,
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
        // The parser takes an address in brackets for none, and localhost in its place.
        if let Some(address) = address_in_brackets(url) {
            uri.authority.host = address.map_err(|_| AmqpUrlError::Malformed)?.to_string();
        }
        Ok(Self { uri, authorities, unroutable: Unroutable::new(metrics) })
    }
}

/// The host of the URL, if it is in brackets: an address of IPv6.
fn address_in_brackets(url: &str) -> Option<Result<Ipv6Addr, AddrParseError>> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.strip_prefix('[')?.split_once(']')?.0.parse())
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
        let connecting = socket::connect(self.uri.clone(), self.authorities.clone(), properties);
        let (connection, hang_up) = connecting.await.map_err(|error| cannot_connect(&error))?;
        let channel = connection.create_channel().await.map_err(SinkError::new)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(SinkError::new)?;
        declare_exchange(&channel).await.map_err(|error| wrong_exchange(&error))?;
        Ok(RabbitMqConnection::new(connection, channel, self.unroutable.clone(), hang_up))
    }
}

async fn declare_exchange(channel: &Channel) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, options, FieldTable::default()).await
}

fn cannot_connect(error: &lapin::Error) -> SinkError {
    let text = error.to_string();
    if text.contains("ACCESS_REFUSED") {
        return SinkError::new("the broker refuses the user or the password in ORDERS_AMQP_URL");
    }
    if text.contains("NOT_ALLOWED") || text.contains("not found") {
        return SinkError::new(format!("the broker refuses the virtual host in ORDERS_AMQP_URL: {text}"));
    }
    if text.contains("UnknownIssuer") {
        return SinkError::new(format!(
            "cannot connect to the broker in ORDERS_AMQP_URL: its certificate comes from an unknown authority; name the \
             authority in ORDERS_AMQP_CA_FILE: {text}"
        ));
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
    if text.contains("ACCESS_REFUSED") {
        return SinkError::new(format!(
            "the user in ORDERS_AMQP_URL must not declare the exchange {EXCHANGE}; give it the permissions to configure and \
             write it: {text}"
        ));
    }
    SinkError::new(format!("cannot declare the exchange {EXCHANGE}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_that_of_the_url_also_as_an_address() {
        let metrics = Metrics::new("0", "test");
        for (url, host, port) in [
            ("amqp://user:secret@[2001:db8::1]:5673/%2f", "2001:db8::1", 5673),
            ("amqps://[::1]?heartbeat=5", "::1", 5671),
            ("amqp://192.0.2.1/vhost", "192.0.2.1", 5672),
            ("amqp://user:%5Bsecret%5D@broker.example.com", "broker.example.com", 5672),
        ] {
            let authority = RabbitMq::new(url, None, &metrics).unwrap().uri.authority;
            assert_eq!((authority.host.as_str(), authority.port), (host, port), "{url}");
        }
    }

    #[test]
    fn a_url_is_refused_without_showing_it() {
        let metrics = Metrics::new("0", "test");
        for url in ["http://user:secret@host", "amqp://user:secret@host:port", "amqp://user:secret@[host]", "secret"] {
            let error = RabbitMq::new(url, None, &metrics).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(RabbitMq::new("amqps://user:secret@host:5671/vhost", None, &metrics).is_ok());
    }
}
