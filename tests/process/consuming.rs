//! The examples of docs/CONSUMING.md, killed in the middle again and again.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::{
    Database, eventually,
    program::Program,
    project,
    rabbitmq::RabbitMq,
    service::{Service, client},
};

type Tally = BTreeMap<String, u64>;

/// A consumer. Dropping it is `kill -9`.
struct Example(Child);

impl Example {
    fn start(name: &str, source: &str, database: &Path) -> Self {
        let script = project().join("docs/examples").join(name);
        let mut command = python();
        command.arg(script).arg(source).arg(database);
        Self(command.stdin(Stdio::null()).spawn().expect("Python is installed; scripts/test installs it"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn python() -> Command {
    Command::new(project().join("target/consumers/bin/python"))
}

/// What the consumer has counted so far.
fn tally(database: &Path) -> Tally {
    let read = "import json, sqlite3, sys
try:
    print(json.dumps(dict(sqlite3.connect(sys.argv[1], timeout=30).execute('select type, events from tally'))))
except sqlite3.OperationalError:
    print('{}')";
    let output = python().args(["-c", read]).arg(database).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The events that the service has written, by type.
async fn written(service: &Service) -> Tally {
    let (mut tally, mut after) = (Tally::new(), 0);
    loop {
        let page = service.get(&format!("/events?limit=1000&after={after}")).await;
        let events = page.as_array().unwrap();
        for event in events {
            *tally.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match events.last() {
            Some(last) => after = last["sequence"].as_str().unwrap().parse().unwrap(),
            None => return tally,
        }
    }
}

async fn write(service: &Service, orders: usize) {
    for _ in 0..orders {
        let order = service.create_order().await;
        let place = format!("{}/orders/{}/place", service.url, order["order_id"].as_str().unwrap());
        assert_eq!(client().post(place).send().await.unwrap().status(), 200);
    }
}

/// Kills the consumer whenever it has counted something, and lets it finish at last.
async fn counts_each_event_once(name: &str, service: &Service, source: &str) {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("tally.sqlite");
    for _ in 0..5 {
        let before = tally(&database);
        let example = Example::start(name, source, &database);
        write(service, 30).await;
        eventually("the consumer counts", async || (tally(&database) != before).then_some(())).await;
        drop(example);
    }
    let _example = Example::start(name, source, &database);
    let expected = written(service).await;
    assert_eq!(expected.values().sum::<u64>(), 600);
    eventually("it counts every event", async || {
        let counted = tally(&database);
        assert!(counted.values().sum::<u64>() <= 600, "{name} counts events twice: {counted:?}");
        (counted == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readers_of_the_feed_and_of_the_stream_count_each_event_once() {
    for name in ["feed.py", "stream.py"] {
        let database = Database::new().await;
        let service = Program::new().database(&database).start();
        counts_each_event_once(name, &service, &service.url).await;
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_of_rabbitmq_counts_each_event_once() {
    let (database, broker) = (Database::new().await, RabbitMq::start().await);
    // As the consumer declares it: the queue is there before the first event.
    broker.declare_queue("tally", None).await;
    let service = Program::new().database(&database).env("ORDERS_AMQP_URL", broker.url()).start();
    counts_each_event_once("rabbitmq.py", &service, &broker.url()).await;
    // Events that come again count no second time.
    let before = written(&service).await;
    let moved = client().post(format!("{}/sinks/rabbitmq/move", service.url)).json(&serde_json::json!({"position": 0}));
    assert_eq!(moved.send().await.unwrap().status(), 200);
    eventually("all were sent again", async || {
        let sink: Value = service.get("/sinks/rabbitmq").await;
        (sink["position"] == 600).then_some(())
    })
    .await;
    assert_eq!(written(&service).await, before);
    service.stop();
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_of_kafka_counts_each_event_once() {
    let (database, broker) = (Database::new().await, crate::support::kafka::Tansu::start().await);
    broker.create_topic("orders.events", 4);
    let service = Program::new().database(&database).env("ORDERS_KAFKA_BROKERS", broker.brokers()).start();
    counts_each_event_once("kafka.py", &service, &broker.brokers()).await;
    service.stop();
}

#[test]
fn the_guide_shows_the_examples_as_they_are() {
    let guide = fs::read_to_string(project().join("docs/CONSUMING.md")).unwrap();
    let mut examples = 0;
    for example in fs::read_dir(project().join("docs/examples")).unwrap() {
        let path = example.unwrap().path();
        let code = fs::read_to_string(&path).unwrap();
        assert!(
            guide.contains(&format!("```python\n{code}```\n")),
            "docs/CONSUMING.md differs from {}",
            path.display()
        );
        examples += 1;
    }
    assert_eq!(examples, guide.matches("```python\n").count());
}
