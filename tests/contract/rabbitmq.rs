//! The sink for RabbitMQ by itself, on a real broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
    time::Duration,
};

use lapin::{
    ExchangeKind,
    message::Delivery,
    options::{ExchangeDeclareOptions, ExchangeDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use orders::{
    app::{Cause, EventSink, Lease, LoggedEvent, Numbers, SinkConnection, SinkError},
    domain::Actor,
    infra::{Metrics, RabbitMq},
};
use tokio::{net::TcpListener, time::timeout};
use uuid::Uuid;

use crate::{
    setup::{created_at, id, tenant},
    support::{
        PATIENCE, eventually,
        rabbitmq::{RabbitMq as Broker, VirtualHost},
    },
};

type RabbitMqConnection = <RabbitMq as EventSink>::Connection;

/// The event at this position, of an order of its own.
fn event(position: u64, event_type: &str) -> LoggedEvent {
    LoggedEvent {
        numbers: Numbers { position, sequence: position },
        tenant: tenant("default"),
        cause: Cause::default(),
        event_id: Uuid::from_u128(position.into()),
        order_id: id(position),
        version: 1,
        event_type: event_type.to_owned(),
        occurred_at: created_at(position),
        data: format!(r#"{{"n":{position}}}"#),
    }
}

fn events(positions: impl IntoIterator<Item = u64>) -> Vec<Arc<LoggedEvent>> {
    positions.into_iter().map(|position| Arc::new(event(position, "order.created.v1"))).collect()
}

fn sink(url: &str) -> RabbitMq {
    RabbitMq::new(url, None, &Metrics::new("0", "test")).unwrap()
}

async fn connect(sink: &RabbitMq) -> Result<RabbitMqConnection, SinkError> {
    let lease =
        Lease { sink: sink.name().to_owned(), instance: "test".to_owned(), epoch: 1, position: 0, is_paused: false };
    timeout(PATIENCE, sink.connect(&lease)).await.expect("an attempt to connect ends")
}

async fn refusal(sink: &RabbitMq) -> String {
    connect(sink).await.expect_err("the broker refuses the connection").to_string()
}

/// Sends the events, and returns the error of each of them, if it has one.
async fn deliver(connection: &mut RabbitMqConnection, events: &[Arc<LoggedEvent>]) -> BTreeMap<u64, Option<String>> {
    connection.send(events).await.unwrap();
    let mut found = BTreeMap::new();
    while found.len() < events.len() {
        let outcomes = timeout(PATIENCE, connection.outcomes()).await.expect("each event gets an outcome").unwrap();
        for outcome in outcomes {
            let error = outcome.result.err().map(|error| error.to_string());
            assert!(found.insert(outcome.position, error).is_none(), "one outcome for each event");
        }
    }
    found
}

async fn lost(connection: &mut RabbitMqConnection) -> String {
    let outcomes = timeout(PATIENCE, connection.outcomes()).await.expect("a lost connection is noticed");
    outcomes.expect_err("the connection is lost").to_string()
}

/// Takes this many messages out of the queue.
async fn take(host: &VirtualHost, queue: &str, count: usize) -> Vec<Delivery> {
    host.consume(queue, |deliveries| deliveries.len() >= count).await
}

fn positions(deliveries: &[Delivery]) -> BTreeSet<u64> {
    let position = |delivery: &Delivery| {
        let headers = delivery.properties.headers().as_ref().unwrap().inner();
        let AMQPValue::LongString(position) = &headers["cloudEvents_position"] else { panic!("no position") };
        position.to_string().parse().unwrap()
    };
    deliveries.iter().map(position).collect()
}

/// How many sockets of this process are open to this port. lapin has a thread for each.
fn open_connections(port: u16) -> usize {
    let sockets = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[2].ends_with(&remote) && fields[9] != "0"
    };
    sockets.lines().skip(1).filter(is_open).count()
}

#[tokio::test]
async fn a_message_has_every_attribute_and_property() {
    let host = Broker::shared().await.add_virtual_host("attributes");
    host.declare_queue("all", "#", None).await;
    let mut connection = connect(&sink(&host.url)).await.unwrap();
    let actor = Actor { authtype: "api_key".into(), authid: "key-1".into() };
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let cause = Cause { actor: Some(actor), traceparent: Some(traceparent.clone()) };
    let sent = LoggedEvent { cause, version: 7, ..event(42, "order.item_added.v2") };
    deliver(&mut connection, &[Arc::new(sent.clone())]).await;
    let [message] = &take(&host, "all", 1).await[..] else { panic!("one message") };
    assert_eq!(message.data, sent.data.as_bytes());
    assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("orders.events", "order.item_added"));
    let properties = &message.properties;
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    assert_eq!(text(properties.content_type()).as_deref(), Some("application/json"));
    assert_eq!(text(properties.message_id()), Some(sent.event_id.to_string()));
    assert_eq!(text(properties.kind()).as_deref(), Some("order.item_added.v2"));
    assert_eq!(text(properties.app_id()).as_deref(), Some("orders"));
    assert_eq!((*properties.delivery_mode(), *properties.timestamp()), (Some(2), Some(1_769_860_842)));
    let headers: BTreeMap<String, String> = properties
        .headers()
        .as_ref()
        .unwrap()
        .inner()
        .iter()
        .map(|(name, value)| match value {
            AMQPValue::LongString(text) => (name.to_string(), text.to_string()),
            AMQPValue::LongLongInt(number) => (name.to_string(), format!("integer {number}")),
            value => panic!("{name} is {value:?}"),
        })
        .collect();
    let (event_id, order_id) = (sent.event_id.to_string(), sent.order_id.to_string());
    let expected = [
        ("specversion", "1.0"),
        ("id", &event_id),
        ("source", "/orders"),
        ("type", "order.item_added.v2"),
        ("subject", &order_id),
        ("time", "2026-01-31T12:00:42Z"),
        ("sequence", "0000000000000000042"),
        ("position", "0000000000000000042"),
        ("orderversion", "integer 7"),
        ("tenant", "default"),
        ("partitionkey", &order_id),
        ("authtype", "api_key"),
        ("authid", "key-1"),
        ("traceparent", &traceparent),
    ];
    let expected = expected.map(|(name, value)| (format!("cloudEvents_{name}"), value.to_owned()));
    assert_eq!(headers, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_full_queue_refuses_exactly_the_events_that_it_does_not_have_and_takes_them_later() {
    let host = Broker::shared().await.add_virtual_host("full");
    host.declare_queue("full", "#", Some(5)).await;
    let mut connection = connect(&sink(&host.url)).await.unwrap();
    let outcomes = deliver(&mut connection, &events(1..=50)).await;
    let of = |refused: bool| -> BTreeSet<u64> {
        outcomes.iter().filter(|(_, error)| error.is_some() == refused).map(|(position, _)| *position).collect()
    };
    let (taken, refused) = (of(false), of(true));
    assert!(!taken.is_empty() && !refused.is_empty(), "{outcomes:?}");
    let text = outcomes.values().flatten().next().unwrap();
    assert_eq!(text, "the broker refuses it; a queue that rejects events is full");
    assert_eq!(positions(&take(&host, "full", taken.len()).await), taken);
    let again: Vec<u64> = refused.iter().take(3).copied().collect();
    let outcomes = deliver(&mut connection, &events(again.clone())).await;
    assert!(outcomes.values().all(Option::is_none), "{outcomes:?}");
    assert_eq!(positions(&take(&host, "full", 3).await), BTreeSet::from_iter(again));
}

#[tokio::test]
async fn an_event_that_no_queue_takes_counts_as_delivered_and_is_counted_whatever_is_on_its_way_beside_it() {
    let host = Broker::shared().await.add_virtual_host("unroutable");
    host.declare_queue("created", "order.created", None).await;
    let metrics = Metrics::new("0", "test");
    let sink = RabbitMq::new(&host.url, None, &metrics).unwrap();
    let mut connection = connect(&sink).await.unwrap();
    let event_type = |n: u64| if n.is_multiple_of(2) { "order.created.v1" } else { "order.placed.v1" };
    let sent: Vec<_> = (1..=500).map(|n| Arc::new(event(n, event_type(n)))).collect();
    let outcomes = deliver(&mut connection, &sent).await;
    assert!(outcomes.values().all(Option::is_none), "{outcomes:?}");
    assert_eq!(positions(&take(&host, "created", 250).await), (1..=500).filter(|n| n % 2 == 0).collect());
    let rendered = metrics.render();
    assert!(rendered.lines().any(|line| line == "orders_amqp_unroutable_events_total 250"), "{rendered}");
}

#[tokio::test]
async fn an_idle_connection_that_an_operator_closes_is_noticed() {
    let broker = Broker::start().await;
    let mut connection = connect(&sink(&broker.url())).await.unwrap();
    broker.close_connections();
    let text = lost(&mut connection).await;
    assert!(text.contains("the connection to the broker is lost") && text.contains("closed by an operator"), "{text}");
    let text = connection.send(&events([1])).await.unwrap_err().to_string();
    assert!(text.contains("the connection to the broker is"), "{text}");
}

#[tokio::test]
async fn an_exchange_that_is_deleted_ends_the_connection_and_the_next_one_declares_it() {
    let host = Broker::shared().await.add_virtual_host("deleted");
    let sink = sink(&host.url);
    let mut connection = connect(&sink).await.unwrap();
    let (_other, channel) = host.channel().await;
    channel.exchange_delete("orders.events".into(), ExchangeDeleteOptions::default()).await.unwrap();
    connection.send(&events([1])).await.unwrap();
    let text = lost(&mut connection).await;
    assert!(text.contains("no exchange 'orders.events'"), "{text}");
    host.declare_queue("all", "#", None).await;
    let mut connection = connect(&sink).await.unwrap();
    assert_eq!(deliver(&mut connection, &events([1])).await, BTreeMap::from([(1, None)]));
}

#[tokio::test]
async fn a_refused_connection_says_why_and_what_to_do_and_shows_no_password() {
    let broker = Broker::shared().await;
    let host = broker.add_virtual_host("refused");
    broker.control(&["add_user", "writer", "s3cret"]);
    let writer = host.url.replace("guest:guest", "writer:s3cret");
    let (_connection, channel) = host.channel().await;
    let wrong = broker.add_virtual_host("wrong");
    let (_wrong_connection, wrong_channel) = wrong.channel().await;
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let declare = |kind| (ExchangeDeclareOptions { ..options }, kind);
    let (durable, topic) = declare(ExchangeKind::Topic);
    channel.exchange_declare("orders.events".into(), topic, durable, FieldTable::default()).await.unwrap();
    let (durable, fanout) = declare(ExchangeKind::Fanout);
    wrong_channel.exchange_declare("orders.events".into(), fanout, durable, FieldTable::default()).await.unwrap();
    let port = broker.port().to_string();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for (url, expected) in [
        (broker.url_with_password("s3cret"), "the broker refuses the user or the password in ORDERS_AMQP_URL"),
        (broker.url().replace("%2f", "s3cret"), "the broker refuses the virtual host in ORDERS_AMQP_URL"),
        (writer.clone(), "the broker refuses the virtual host in ORDERS_AMQP_URL"),
        (broker.url().replace(&port, &closed.to_string()), "cannot connect to the broker in ORDERS_AMQP_URL: "),
        (
            broker.url().replace("127.0.0.1", "no-such-host.invalid"),
            "cannot connect to the broker in ORDERS_AMQP_URL: ",
        ),
        (wrong.url.clone(), "the exchange orders.events is not a durable topic exchange; delete it"),
    ] {
        let text = refusal(&sink(&url)).await;
        assert!(text.starts_with(expected), "{url}: {text}");
        assert!(!text.contains(":s3cret") && !text.contains("guest:guest"), "{text}");
    }
    // The user may use the virtual host, but not declare the exchange.
    broker.control(&["set_permissions", "--vhost", "refused", "writer", "", "", ""]);
    let text = refusal(&sink(&writer)).await;
    println!("{text}");
    assert!(text.starts_with("the user in ORDERS_AMQP_URL must not "), "{text}");
}

#[tokio::test]
async fn an_attempt_that_is_given_up_leaves_no_connection_behind() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move {
        let mut accepted = Vec::new();
        while let Ok((socket, _)) = silent.accept().await {
            accepted.push(socket);
        }
    });
    for scheme in ["amqp", "amqps"] {
        let sink = sink(&format!("{scheme}://guest:guest@127.0.0.1:{port}/%2f"));
        for _ in 0..3 {
            let open = eventually("the attempt has connected", async || {
                assert!(timeout(Duration::from_millis(300), connect(&sink)).await.is_err());
                Some(open_connections(port)).filter(|open| *open > 0)
            });
            open.await;
        }
    }
    eventually("the connections are closed", async || (open_connections(port) == 0).then_some(())).await;
    accepting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_named_while_events_wait_to_be_sent_and_the_connection_does_not_outlive_its_end() {
    let broker = Broker::start().await;
    let sink = sink(&broker.url());
    let mut waiting = connect(&sink).await.unwrap();
    let mut idle = connect(&sink).await.unwrap();
    deliver(&mut idle, &events([1])).await;
    broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    // More than the buffers of the sockets.
    let large =
        LoggedEvent { data: format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000)), ..event(2, "order.created.v1") };
    let large: Vec<_> = (2..202).map(|_| Arc::new(large.clone())).collect();
    idle.send(&events([3])).await.unwrap();
    let (sent, outcome) = tokio::join!(timeout(PATIENCE, waiting.send(&large)), lost(&mut idle));
    let text = sent.expect("send ends").unwrap_err().to_string();
    for text in [text, outcome] {
        assert!(text.starts_with("the broker has blocked the connection: low on memory"), "{text}");
    }
    drop((waiting, idle));
    eventually("the connections are closed", async || (open_connections(broker.port()) == 0).then_some(())).await;
}

#[tokio::test]
async fn tls_needs_a_certificate_from_a_known_authority() {
    let broker = Broker::shared().await;
    let text = refusal(&sink(&broker.tls_url())).await;
    println!("{text}");
    assert!(text.starts_with("cannot connect to the broker in ORDERS_AMQP_URL: "), "{text}");
    assert!(text.contains("ORDERS_AMQP_CA_FILE"), "{text}");
    let sink = RabbitMq::new(&broker.tls_url(), Some(broker.authority()), &Metrics::new("0", "test")).unwrap();
    let mut connection = connect(&sink).await.unwrap();
    assert_eq!(deliver(&mut connection, &events([1])).await, BTreeMap::from([(1, None)]));
}
