//! A fleet of instances with a broker: instances and broker are killed at random moments, and no event is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use lapin::types::AMQPValue;
use serde_json::{Value, json};

use crate::support::{
    Database, eventually,
    program::Program,
    rabbitmq::RabbitMq,
    service::{Service, client},
};

/// What one sink repeats after a failover, at most.
const WINDOW: usize = 2048;

struct Fleet {
    program: Program,
    instances: Vec<Service>,
    /// The addresses that the writers use.
    urls: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    fn start(program: Program, instances: usize) -> Self {
        let mut fleet = Self { program, instances: Vec::new(), urls: Arc::default() };
        (0..instances).for_each(|_| fleet.add());
        fleet
    }

    fn add(&mut self) {
        let service = self.program.start();
        self.urls.lock().unwrap().push(service.url.clone());
        self.instances.push(service);
    }

    /// The writers use it no more.
    fn remove(&mut self, n: usize) -> Service {
        let service = self.instances.remove(n);
        self.urls.lock().unwrap().retain(|url| *url != service.url);
        service
    }

    async fn sink(&self, name: &str) -> Value {
        self.instances[0].get(&format!("/sinks/{name}")).await
    }

    /// The index of the instance that works the sink.
    async fn holder(&self, name: &str) -> usize {
        eventually("an instance works the sink", async || {
            for (n, instance) in self.instances.iter().enumerate() {
                let metrics = client().get(format!("{}/metrics", instance.url)).send().await.unwrap();
                let line = format!("orders_sink_held{{sink=\"{name}\"}} 1");
                if metrics.text().await.unwrap().lines().any(|found| found == line) {
                    return Some(n);
                }
            }
            None
        })
        .await
    }

    async fn moves(&self, name: &str) {
        let before = self.sink(name).await["position"].as_u64();
        eventually("the sink moves", async || (self.sink(name).await["position"].as_u64() > before).then_some(()))
            .await;
    }
}

/// Creates orders at random instances until `stop`.
async fn write(urls: Arc<Mutex<Vec<String>>>, stop: Arc<AtomicBool>, mut n: usize) {
    let client = client();
    let item = json!({"sku": "MOUSE456", "quantity": 1});
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let url = {
            let urls = urls.lock().unwrap();
            urls[n % urls.len()].clone()
        };
        let body = json!({"customer_id": "c", "items": [item, item]});
        // An instance may be killed meanwhile.
        let _ = client.post(format!("{url}/orders")).json(&body).send().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_while_instances_and_the_broker_are_killed_and_a_holder_sleeps_past_its_lease() {
    let (database, mut broker) = (Database::new().await, RabbitMq::start().await);
    broker.declare_queue("all", None).await;
    let program = Program::new().database(&database).env("ORDERS_AMQP_URL", broker.url());
    let mut fleet = Fleet::start(program, 3);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4).map(|n| tokio::spawn(write(fleet.urls.clone(), stop.clone(), n))).collect();
    fleet.moves("rabbitmq").await;
    let mut failovers = 0;
    for round in 0..6 {
        // The holder of the sink, and now and then another one.
        let holder = fleet.holder("rabbitmq").await;
        match round {
            0 | 3 | 5 => {
                fleet.remove(holder).kill();
                fleet.add();
            }
            1 => {
                fleet.instances[holder].signal("STOP");
                let sleeper = fleet.remove(holder);
                // Another one takes over, and moves the cursor.
                fleet.moves("rabbitmq").await;
                fleet.moves("rabbitmq").await;
                sleeper.signal("CONT");
                fleet.instances.push(sleeper);
            }
            2 => {
                broker.kill();
                broker.start_again().await;
            }
            _ => {
                let other = (holder + 1) % fleet.instances.len();
                fleet.remove(other).stop();
                fleet.add();
            }
        }
        failovers += 1;
        fleet.moves("rabbitmq").await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let head = fleet.sink("rabbitmq").await["head"].as_u64().unwrap();
    eventually("the sinks have every event", async || {
        for name in ["rabbitmq", "order_stats", "log"] {
            if fleet.sink(name).await["position"].as_u64() != Some(head) {
                return None;
            }
        }
        Some(())
    })
    .await;
    let (mut seen, mut counted) = (BTreeSet::new(), 0);
    let messages = broker
        .consume("all", |messages| {
            for message in &messages[counted..] {
                let headers = message.properties.headers().as_ref().unwrap().inner();
                let AMQPValue::LongString(position) = &headers["cloudEvents_position"] else { panic!("no position") };
                seen.insert(position.to_string().parse::<u64>().unwrap());
            }
            counted = messages.len();
            seen.len() as u64 == head
        })
        .await;
    let mut versions = BTreeMap::new();
    for message in &messages {
        let headers = message.properties.headers().as_ref().unwrap().inner();
        let (AMQPValue::LongString(order), AMQPValue::LongLongInt(version)) =
            (&headers["cloudEvents_subject"], &headers["cloudEvents_orderversion"])
        else {
            panic!("no order or version")
        };
        let last = versions.entry(order.to_string()).or_insert(0);
        assert!(*version <= *last + 1, "version {version} comes after {last}");
        *last = *version.max(last);
    }
    let repeated = messages.len() - usize::try_from(head).unwrap();
    assert!(repeated <= failovers * WINDOW, "{repeated} repetitions after {failovers} failovers");
    // Each event counted once.
    let verified = Program::new().verify().database(&database).run();
    assert!(verified.status.success(), "{}", verified.output());
}
