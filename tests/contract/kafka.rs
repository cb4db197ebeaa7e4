//! The connection of the sink `kafka`, against the cluster of librdkafka that fails as a test wants.
//!
//! `tests/process/kafka.rs` has the service in front of such clusters, and of a real broker.

use std::sync::Arc;

use orders::{
    app::{Cause, EventSink, Lease, LoggedEvent, Numbers, SinkConnection, SinkError, SinkOutcome},
    domain::TenantId,
    infra::{Kafka, KafkaSettings},
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    setup::{created_at, id},
    support::{PATIENCE, kafka::consume},
};

const TOPIC: &str = "orders.events";

const TOO_LARGE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, partitions, 1).unwrap();
    cluster
}

fn sink(brokers: String) -> Kafka {
    let settings = KafkaSettings {
        brokers,
        topic: TOPIC.to_owned(),
        security_protocol: "plaintext",
        sasl_mechanism: "PLAIN",
        username: None,
        password: None,
        ca_file: None,
    };
    Kafka::new(settings).unwrap()
}

async fn connect(sink: &Kafka) -> Result<<Kafka as EventSink>::Connection, SinkError> {
    let lease =
        Lease { sink: "kafka".to_owned(), instance: "test".to_owned(), epoch: 1, position: 0, is_paused: false };
    sink.connect(&lease).await
}

/// An event of an order of its own.
fn event(position: u64, data: &str) -> Arc<LoggedEvent> {
    Arc::new(LoggedEvent {
        numbers: Numbers { position, sequence: position },
        tenant: TenantId::anonymous(),
        cause: Cause::default(),
        event_id: Uuid::from_u128(position.into()),
        order_id: id(position),
        version: 1,
        event_type: "order.placed.v1".to_owned(),
        occurred_at: created_at(position),
        data: data.to_owned(),
    })
}

fn events(positions: std::ops::RangeInclusive<u64>) -> Vec<Arc<LoggedEvent>> {
    positions.map(|position| event(position, "{}")).collect()
}

async fn outcomes(connection: &mut impl SinkConnection) -> Result<Vec<SinkOutcome>, SinkError> {
    timeout(PATIENCE, connection.outcomes()).await.expect("there is an outcome")
}

/// The positions that are acknowledged before the connection fails, and the error.
async fn until_it_fails(connection: &mut impl SinkConnection) -> (Vec<u64>, String) {
    let mut acknowledged = Vec::new();
    loop {
        match outcomes(connection).await {
            Ok(outcomes) => acknowledged.extend(outcomes.iter().map(|outcome| outcome.position)),
            Err(error) => return (acknowledged, error.to_string()),
        }
    }
}

async fn acknowledged(connection: &mut impl SinkConnection, count: usize) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    while acknowledged.len() < count {
        let outcomes = outcomes(connection).await.unwrap();
        acknowledged.extend(outcomes.iter().map(|outcome| outcome.position));
    }
    acknowledged
}

/// Sends the events in one batch, which the broker refuses.
async fn refused_batch(cluster: &Cluster, sink: &Kafka, events: &[Arc<LoggedEvent>]) -> String {
    let mut connection = connect(sink).await.unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[TOO_LARGE]);
    // They wait for the broker together.
    cluster.broker_down(1).unwrap();
    connection.send(events).await.unwrap();
    cluster.broker_up(1).unwrap();
    let (acknowledged, error) = until_it_fails(&mut connection).await;
    assert!(acknowledged.is_empty(), "{acknowledged:?}");
    error
}

/// A broker refuses a batch as a whole. An operator who skips the event that the error names must skip no other one.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_refused_batch_the_error_names_the_refused_event_and_all_before_it_are_delivered() {
    let cluster = cluster(1);
    let sink = sink(cluster.bootstrap_servers());
    let error = refused_batch(&cluster, &sink, &events(1..=6)).await;
    assert!(error.starts_with("the brokers refuse the event at position 1: "), "{error}");

    let none = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    cluster.request_errors(RDKafkaApiKey::Produce, &[none, none, none, TOO_LARGE]);
    let mut connection = connect(&sink).await.unwrap();
    connection.send(&events(1..=6)).await.unwrap();
    let (acknowledged, error) = until_it_fails(&mut connection).await;
    assert_eq!(acknowledged, [1, 2, 3]);
    assert!(error.starts_with("the brokers refuse the event at position 4: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_is_delivered_though_the_brokers_refuse_it() {
    let cluster = cluster(1);
    let sink = sink(cluster.bootstrap_servers());
    refused_batch(&cluster, &sink, &events(1..=6)).await;
    let mut connection = connect(&sink).await.unwrap();
    connection.send(&events(1..=6)).await.unwrap();
    connection.send(&events(7..=9)).await.unwrap();
    let all: Vec<u64> = (1..=9).collect();
    assert_eq!(acknowledged(&mut connection, 9).await, all);
    let records = consume(&cluster.bootstrap_servers(), TOPIC, 1, |records| records.len() == 9).await;
    let positions: Vec<u64> = records.iter().map(super::support::kafka::Record::position).collect();
    assert_eq!(positions, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_to_be_sent_is_named_when_all_before_it_are_delivered() {
    let cluster = cluster(4);
    let sink = sink(cluster.bootstrap_servers());
    let mut connection = connect(&sink).await.unwrap();
    let mut sent = events(1..=5);
    sent.push(event(6, &"x".repeat(100_000_001)));
    sent.extend(events(7..=8));
    connection.send(&sent).await.unwrap();
    let (mut acknowledged, error) = until_it_fails(&mut connection).await;
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, [1, 2, 3, 4, 5]);
    assert!(error.starts_with("the brokers refuse the event at position 6: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_may_not_be_idempotent_says_so() {
    let cluster = cluster(1);
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &[denied]);
    let sink = sink(cluster.bootstrap_servers());
    let mut connection = connect(&sink).await.unwrap();
    let error = match connection.send(&events(1..=2)).await {
        Ok(()) => until_it_fails(&mut connection).await.1,
        Err(error) => error.to_string(),
    };
    assert!(error.starts_with("the producer of librdkafka has ended: "), "{error}");
    assert!(error.to_lowercase().contains("authorization"), "{error}");
}
