//! The sink `rabbitmq`, against a real broker that fails in every way that a test can make it fail.

use std::collections::{BTreeMap, BTreeSet};

use lapin::{
    message::Delivery,
    options::{ExchangeDeclareOptions, ExchangeDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};

use crate::support::{
    Database, eventually,
    program::Program,
    rabbitmq::RabbitMq,
    service::{Service, Writer, client},
};

fn service(database: &Database, url: &str) -> Service {
    Program::new().database(database).env("ORDERS_AMQP_URL", url).start()
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> &'a AMQPValue {
    &delivery.properties.headers().as_ref().unwrap().inner()[format!("cloudEvents_{name}").as_str()]
}

fn text(value: &AMQPValue) -> String {
    let AMQPValue::LongString(text) = value else { panic!("{value:?} is no text") };
    text.to_string()
}

/// The positions that the messages have, without repetitions.
fn positions(deliveries: &[Delivery]) -> BTreeSet<u64> {
    deliveries.iter().map(|delivery| text(header(delivery, "position")).parse().unwrap()).collect()
}

fn assert_order_per_order(deliveries: &[Delivery]) {
    let mut versions = BTreeMap::new();
    for delivery in deliveries {
        let AMQPValue::LongLongInt(version) = *header(delivery, "orderversion") else { panic!("no version") };
        let last = versions.entry(text(header(delivery, "subject"))).or_insert(0);
        assert!(version <= *last + 1, "version {version} comes after {last}");
        *last = version.max(*last);
    }
}

/// Consumes until every event up to this position is there.
async fn all(broker: &RabbitMq, queue: &str, until: u64) -> Vec<Delivery> {
    let mut seen = BTreeSet::new();
    let mut counted = 0;
    broker
        .consume(queue, |deliveries| {
            seen.extend(positions(&deliveries[counted..]));
            counted = deliveries.len();
            seen.len() as u64 == until
        })
        .await
}

async fn error(service: &Service) -> String {
    let sink = eventually("the sink fails", async || {
        let sink = service.get("/sinks/rabbitmq").await;
        (sink["state"] == "failing").then_some(sink)
    })
    .await;
    sink["error"].as_str().unwrap().to_owned()
}

async fn wait_for(service: &Service, position: u64) -> Value {
    eventually("the sink is there", async || {
        let sink = service.get("/sinks/rabbitmq").await;
        (sink["position"] == position && sink["state"] == "running").then_some(sink)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_a_persistent_message_with_the_attributes_of_the_event_as_headers() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    broker.declare_queue("all", None).await;
    let service = service(&database, &broker.url());
    let order = service.create_order().await;
    let messages = all(&broker, "all", 3).await;
    wait_for(&service, 3).await;
    let events = service.get("/events?all_tenants=true").await;
    for (delivery, event) in messages.iter().zip(events.as_array().unwrap()) {
        let properties = &delivery.properties;
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), event["id"]);
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
        assert_eq!((*properties.delivery_mode(), delivery.exchange.as_str()), (Some(2), "orders.events"));
        let data: Value = serde_json::from_slice(&delivery.data).unwrap();
        assert_eq!(data, event["data"]);
        for (name, value) in event.as_object().unwrap() {
            match name.as_str() {
                "data" | "datacontenttype" => {}
                "orderversion" => assert_eq!(*header(delivery, name), AMQPValue::LongLongInt(value.as_i64().unwrap())),
                _ => assert_eq!(text(header(delivery, name)), value.as_str().unwrap(), "{name}"),
            }
        }
    }
    let keys: Vec<_> = messages.iter().map(|delivery| delivery.routing_key.as_str()).collect();
    assert_eq!(keys, ["order.created", "order.item_added", "order.item_added"]);
    assert_eq!(text(header(&messages[0], "partitionkey")), order["order_id"]);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_while_the_broker_stops_is_killed_freezes_and_closes_connections_under_load() {
    let (database, mut broker) = (Database::new().await, RabbitMq::start().await);
    broker.declare_queue("all", None).await;
    let service = service(&database, &broker.url());
    let writer = Writer::start(&service.url);
    for round in 0..20 {
        broker.close_connections();
        if round == 5 {
            broker.stop();
            assert!(error(&service).await.contains("broker"));
            assert_eq!(service.get("/health/ready").await["degraded_sinks"], json!(["rabbitmq"]));
            broker.start_again().await;
        }
        if round == 10 {
            broker.kill();
            error(&service).await;
            broker.start_again().await;
        }
        if round == 15 {
            broker.freeze();
            error(&service).await;
            broker.thaw();
        }
        let before = service.get("/sinks/rabbitmq").await["position"].as_u64();
        eventually("the sink moves again", async || {
            let sink = service.get("/sinks/rabbitmq").await;
            (sink["position"].as_u64() > before).then_some(())
        })
        .await;
    }
    let events = writer.stop().await;
    let messages = all(&broker, "all", events).await;
    assert_order_per_order(&messages);
    wait_for(&service, events).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_rejects_events_while_it_is_full_gets_each_of_them_in_the_order_of_its_order() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    broker.declare_queue("full", Some(10)).await;
    let service = service(&database, &broker.url());
    for _ in 0..20 {
        service.create_order().await;
    }
    assert!(error(&service).await.ends_with("the broker refuses it; a queue that rejects events is full"));
    let messages = all(&broker, "full", 60).await;
    assert_order_per_order(&messages);
    assert_eq!(messages.len(), 60, "what the broker took is not sent again");
    wait_for(&service, 60).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_wrong_exchange_are_named_and_retried_until_somebody_mends_them() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    let url = broker.url_with_password("wrong-secret");
    let program = Program::new().database(&database).env("ORDERS_AMQP_URL", &url);
    let mut wrong = program.env("RUST_LOG", "trace,lapin::frames=trace,lapin::channel=trace").start();
    wrong.create_order().await;
    let line = wrong.wait_for_line("the sink rabbitmq does not move");
    assert!(line.contains("the broker refuses the user or the password in ORDERS_AMQP_URL"), "{line}");
    assert!(!line.contains("wrong-secret"), "{line}");
    assert_eq!(wrong.get("/health/ready").await["status"], "ready");
    // Whoever mends it does not restart the service.
    broker.control(&["change_password", "guest", "wrong-secret"]);
    wait_for(&wrong, 3).await;
    broker.control(&["change_password", "guest", "guest"]);
    let log = wrong.stop();
    assert!(!log.contains("wrong-secret"), "no password is in the log, whatever its level");

    let (_connection, channel) = broker.channel().await;
    channel.exchange_delete("orders.events".into(), ExchangeDeleteOptions::default()).await.unwrap();
    let fanout = lapin::ExchangeKind::Fanout;
    let declare = ExchangeDeclareOptions::default();
    channel.exchange_declare("orders.events".into(), fanout, declare, FieldTable::default()).await.unwrap();
    let service = service(&database, &broker.url());
    let reason = error(&service).await;
    assert!(reason.starts_with("the exchange orders.events is not a durable topic exchange; delete it"), "{reason}");
    channel.exchange_delete("orders.events".into(), ExchangeDeleteOptions::default()).await.unwrap();
    service.create_order().await;
    wait_for(&service, 6).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_queue_takes_are_counted_and_logged_once() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    // A queue for some events does not end the warning about the others.
    broker.virtual_host().declare_queue("created", "order.created", None).await;
    let service = service(&database, &broker.url());
    for _ in 0..20 {
        service.create_order().await;
    }
    wait_for(&service, 60).await;
    let metrics = client().get(format!("{}/metrics", service.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(|line| line == "orders_amqp_unroutable_events_total 40"), "{metrics}");
    broker.declare_queue("all", None).await;
    service.create_order().await;
    wait_for(&service, 63).await;
    let log = service.stop();
    let count = |text| log.lines().filter(|line| line.contains(text)).count();
    let counts = (count("RabbitMQ drops events"), count("a queue of RabbitMQ takes the events again"));
    assert_eq!(counts, (1, 1), "{log}");
    assert!(!log.contains("lapin"), "the library logs nothing by itself: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_blocks_the_connection_is_named_and_gets_everything_when_it_lets_go() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    broker.declare_queue("all", None).await;
    let service = service(&database, &broker.url());
    service.create_order().await;
    wait_for(&service, 3).await;
    broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    service.create_order().await;
    let reason = error(&service).await;
    assert!(reason.starts_with("the broker has blocked the connection: low on memory"), "{reason}");
    broker.control(&["set_vm_memory_high_watermark", "0.9"]);
    wait_for(&service, 6).await;
    assert_eq!(positions(&all(&broker, "all", 6).await).len(), 6);
    service.stop();
}

#[test]
fn a_url_that_is_none_stops_the_start_and_is_not_shown() {
    for url in ["http://guest:secret@127.0.0.1", "amqp://guest:secret@127.0.0.1:port"] {
        let ended = Program::new().in_memory().env("ORDERS_AMQP_URL", url).run();
        assert!(!ended.status.success());
        assert!(ended.stderr.contains("ORDERS_AMQP_URL"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}
