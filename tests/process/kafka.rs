//! The sink `kafka`, against the cluster of librdkafka that fails as a test wants, and against a real broker.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use serde_json::{Value, json};

use crate::support::{
    Database, eventually,
    kafka::{Record, Tansu, consume},
    program::Program,
    service::{Service, Writer, client},
};

const TOPIC: &str = "orders.events";

const PARTITIONS: i32 = 4;

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, 3).unwrap();
    cluster
}

fn service(database: &Database, brokers: &str) -> Service {
    Program::new().database(database).env("ORDERS_KAFKA_BROKERS", brokers).start()
}

async fn sink(service: &Service) -> Value {
    service.get("/sinks/kafka").await
}

async fn wait_for(service: &Service, position: u64) {
    eventually("the sink is there", async || {
        let sink = sink(service).await;
        (sink["position"] == position && sink["state"] == "running").then_some(())
    })
    .await;
}

async fn error(service: &Service) -> String {
    eventually("the sink fails", async || sink(service).await["error"].as_str().map(str::to_owned)).await
}

/// Consumes until every event up to this position is there.
async fn all(brokers: &str, until: u64) -> Vec<Record> {
    let (mut seen, mut counted) = (BTreeSet::new(), 0);
    let is_enough = move |records: &[Record]| {
        seen.extend(records[counted..].iter().map(Record::position));
        counted = records.len();
        seen.len() as u64 == until
    };
    consume(brokers, TOPIC, PARTITIONS, is_enough).await
}

fn assert_order_per_order(records: &[Record]) {
    let (mut versions, mut partitions) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        let version: u32 = record.headers["ce_orderversion"].parse().unwrap();
        let last = versions.entry(&record.key).or_insert(0);
        assert!(version <= *last + 1, "version {version} comes after {last}");
        *last = version.max(*last);
        assert_eq!(*partitions.entry(&record.key).or_insert(record.partition), record.partition);
    }
}

async fn assert_records_are_the_events(service: &Service, records: &[Record]) {
    let events = service.get("/events?all_tenants=true").await;
    for event in events.as_array().unwrap() {
        let position: u64 = event["position"].as_str().unwrap().parse().unwrap();
        let record = records.iter().find(|record| record.position() == position).unwrap();
        assert_eq!(record.key, event["subject"]);
        assert_eq!(serde_json::from_str::<Value>(&record.value).unwrap(), event["data"]);
        let mut headers = record.headers.clone();
        assert_eq!(headers.remove("content-type").as_deref(), Some("application/json"));
        for (name, value) in event.as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match name.as_str() {
                "data" | "datacontenttype" => {}
                _ => assert_eq!(headers.remove(&format!("ce_{name}")), Some(text), "{name}"),
            }
        }
        assert!(headers.is_empty(), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_a_record_with_its_order_as_the_key_on_a_real_broker() {
    let (database, broker) = (Database::new().await, Tansu::start().await);
    broker.create_topic(TOPIC, PARTITIONS.unsigned_abs());
    let service = service(&database, &broker.brokers());
    let order = service.create_order().await;
    let placed = client().post(format!("{}/orders/{}/place", service.url, order["order_id"].as_str().unwrap()));
    assert_eq!(placed.send().await.unwrap().status(), 200);
    let records = all(&broker.brokers(), 4).await;
    assert_order_per_order(&records);
    assert_records_are_the_events(&service, &records).await;
    assert!(records.iter().any(|record| record.value == "{}"), "no value is null, which would delete the record");
    wait_for(&service, 4).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_in_the_order_of_its_order_while_brokers_fail() {
    let (database, cluster) = (Database::new().await, cluster());
    let brokers = cluster.bootstrap_servers();
    let service = service(&database, &brokers);
    let writer = Writer::start(&service.url);
    let moves = async || {
        let before = sink(&service).await["position"].as_u64();
        eventually("the sink moves", async || (sink(&service).await["position"].as_u64() > before).then_some(())).await;
    };
    moves().await;
    let retried = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT;
    cluster.request_errors(RDKafkaApiKey::Produce, &[retried, lost, retried, lost, lost]);
    moves().await;
    for round in 0..4 {
        for partition in 0..PARTITIONS {
            cluster.partition_leader(TOPIC, partition, Some((partition + round) % 3 + 1)).unwrap();
        }
        moves().await;
    }
    for broker in 1..=3 {
        cluster.broker_down(broker).unwrap();
    }
    // Nothing is acknowledged for so long that the relay gives the connection up.
    let text = error(&service).await;
    assert!(text.contains("no acknowledgement within 10s") || text.contains("do not answer"), "{text}");
    for broker in 1..=3 {
        cluster.broker_up(broker).unwrap();
    }
    moves().await;
    let events = writer.stop().await;
    let records = all(&brokers, events).await;
    assert_order_per_order(&records);
    wait_for(&service, events).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_named_and_delivered_when_the_brokers_take_it() {
    let (database, cluster) = (Database::new().await, cluster());
    let brokers = cluster.bootstrap_servers();
    cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let service = service(&database, &brokers);
    service.create_order().await;
    let text = error(&service).await;
    assert_eq!(text, "the topic orders.events does not exist; create it, or set ORDERS_KAFKA_TOPIC");
    cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    wait_for(&service, 3).await;
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    cluster.request_errors(RDKafkaApiKey::Produce, &[too_large; 3]);
    service.create_order().await;
    let text = error(&service).await;
    assert!(text.starts_with("the brokers refuse the event at position 4: "), "{text}");
    wait_for(&service, 6).await;
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.topic_error(TOPIC, denied).unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[denied; 3]);
    service.create_order().await;
    let text = error(&service).await;
    assert!(text.to_lowercase().contains("authorization"), "{text}");
    cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    wait_for(&service, 9).await;
    let records = all(&brokers, 9).await;
    assert_order_per_order(&records);
    assert_eq!(service.get("/health/ready").await["degraded_sinks"], json!([]));
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_away_are_named_and_stop_nothing_else() {
    let database = Database::new().await;
    let service = service(&database, "127.0.0.1:1");
    service.create_order().await;
    let text = error(&service).await;
    assert!(text.starts_with("the brokers in ORDERS_KAFKA_BROKERS do not answer: "), "{text}");
    assert_eq!(service.get("/health/ready").await, json!({"status": "ready", "degraded_sinks": ["kafka"]}));
    eventually("the other sinks move", async || {
        (service.get("/sinks/order_stats").await["position"] == 3).then_some(())
    })
    .await;
    service.stop();
}
