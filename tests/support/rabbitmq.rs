//! A real RabbitMQ, on ports of the loopback interface.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::eventually;

const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// The end of the test kills it, and what it started.
pub(crate) struct RabbitMq {
    server: Option<Child>,
    port_mapper: Child,
    ports: Ports,
    dir: TempDir,
}

#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    amqps: u16,
    distribution: u16,
    mapper: u16,
}

/// A virtual host of a broker: exchanges and queues that no other test sees.
pub(crate) struct VirtualHost {
    pub(crate) url: String,
    /// A shared broker runs for as long as a test uses it.
    _broker: Option<Arc<RabbitMq>>,
}

impl RabbitMq {
    /// The broker of the tests that run now. Each needs a virtual host of its own, and leaves the broker as it is.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RabbitMq>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(broker) = shared.upgrade() {
            return broker;
        }
        let broker = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&broker);
        broker
    }

    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = Ports { amqp: free_port(), amqps: free_port(), distribution: free_port(), mapper: free_port() };
        make_certificates(dir.path());
        let path = dir.path().display();
        let config = format!(
            "listeners.tcp.local = 127.0.0.1:{}\nlisteners.ssl.local = 127.0.0.1:{}\n\
            ssl_options.certfile = {path}/broker.pem\nssl_options.keyfile = {path}/broker.key\n\
            log.file.level = info\nvm_memory_high_watermark.relative = 0.9\ndisk_free_limit.absolute = 1MB\n",
            ports.amqp, ports.amqps
        );
        fs::write(dir.path().join("rabbitmq.conf"), config).unwrap();
        fs::write(dir.path().join("plugins"), "[].\n").unwrap();
        // The server would start one that outlives it.
        let mut mapper = Command::new("epmd");
        mapper.args(["-address", "127.0.0.1", "-port", &ports.mapper.to_string()]);
        let port_mapper = mapper.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("epmd is installed");
        eventually("the port mapper listens", async || connects(ports.mapper).then_some(())).await;
        let mut broker = Self { server: None, port_mapper, ports, dir };
        broker.start_again().await;
        broker
    }

    /// Starts it with the data that it had.
    pub(crate) async fn start_again(&mut self) {
        let mut command = self.command("/usr/lib/rabbitmq/bin/rabbitmq-server");
        self.server = Some(command.spawn().expect("rabbitmq-server is installed; scripts/test installs it"));
        eventually("the broker listens", async || connects(self.ports.amqp).then_some(())).await;
        self.control(&["await_startup"]);
    }

    fn command(&self, program: &str) -> Command {
        let dir = self.dir.path();
        let mut command = Command::new(program);
        command
            .env("HOME", dir)
            .env("RABBITMQ_NODENAME", format!("orders{}@localhost", self.ports.amqp))
            .env("RABBITMQ_MNESIA_BASE", dir.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_PID_FILE", self.pid_file())
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq"))
            .env("RABBITMQ_CONF_ENV_FILE", dir.join("none"))
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1")
            .env("ERL_EPMD_PORT", self.ports.mapper.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join("pid")
    }

    /// Runs rabbitmqctl, and asserts that it succeeds.
    pub(crate) fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command(CONTROL);
        let Output { status, stdout, stderr } =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(status.success(), "rabbitmqctl {arguments:?}: {}{}", text(&stdout), text(&stderr));
        text(&stdout)
    }

    pub(crate) fn url(&self) -> String {
        self.url_with_password("guest")
    }

    pub(crate) fn url_with_password(&self, password: &str) -> String {
        format!("amqp://guest:{password}@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// The port without TLS.
    pub(crate) fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The same broker, over TLS.
    pub(crate) fn tls_url(&self) -> String {
        format!("amqps://guest:guest@127.0.0.1:{}/%2f", self.ports.amqps)
    }

    /// The authority that the certificate of the broker comes from, in PEM.
    pub(crate) fn authority(&self) -> String {
        fs::read_to_string(self.dir.path().join("authority.pem")).unwrap()
    }

    pub(crate) fn add_virtual_host(self: &Arc<Self>, name: &str) -> VirtualHost {
        self.control(&["add_vhost", name]);
        self.control(&["set_permissions", "--vhost", name, "guest", ".*", ".*", ".*"]);
        VirtualHost { url: self.url().replace("%2f", name), _broker: Some(self.clone()) }
    }

    /// The virtual host /.
    pub(crate) fn virtual_host(&self) -> VirtualHost {
        VirtualHost { url: self.url(), _broker: None }
    }

    /// The process of the virtual machine, which the start script waits for.
    fn virtual_machine(&self) -> Option<Pid> {
        Pid::from_raw(fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.virtual_machine().expect("the broker runs"), signal).unwrap();
    }

    /// As an operator stops it.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.wait();
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.wait().unwrap();
        }
        let _ = fs::remove_file(self.pid_file());
    }

    /// It no longer answers, and keeps its connections.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn close_connections(&self) {
        self.control(&["close_all_connections", "closed by an operator"]);
    }

    pub(crate) async fn channel(&self) -> (Connection, Channel) {
        self.virtual_host().channel().await
    }

    pub(crate) async fn declare_queue(&self, queue: &str, rejecting: Option<i32>) {
        self.virtual_host().declare_queue(queue, "#", rejecting).await;
    }

    pub(crate) async fn consume(&self, queue: &str, is_enough: impl FnMut(&[Delivery]) -> bool) -> Vec<Delivery> {
        self.virtual_host().consume(queue, is_enough).await
    }
}

impl VirtualHost {
    /// A connection of the test.
    pub(crate) async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    /// Declares a durable queue for the events with this key, which may be a pattern. `rejecting` is how many messages it
    /// takes before it refuses more.
    pub(crate) async fn declare_queue(&self, queue: &str, key: &str, rejecting: Option<i32>) {
        let (_connection, channel) = self.channel().await;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare("orders.events".into(), ExchangeKind::Topic, options, FieldTable::default())
            .await
            .unwrap();
        let mut arguments = FieldTable::default();
        if let Some(length) = rejecting {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(length));
            arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        }
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), durable, arguments).await.unwrap();
        channel
            .queue_bind(
                queue.into(),
                "orders.events".into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
    }

    /// Takes messages out of the queue until `is_enough`, and acknowledges them.
    pub(crate) async fn consume(&self, queue: &str, mut is_enough: impl FnMut(&[Delivery]) -> bool) -> Vec<Delivery> {
        let (_connection, channel) = self.channel().await;
        channel.basic_qos(500, BasicQosOptions::default()).await.unwrap();
        let mut consumer = channel
            .basic_consume(queue.into(), "test".into(), BasicConsumeOptions::default(), FieldTable::default())
            .await
            .unwrap();
        let mut deliveries = Vec::new();
        while !is_enough(&deliveries) {
            let next = tokio::time::timeout(super::PATIENCE, consumer.next()).await;
            let delivery = next.expect("another message comes").expect("the consumer goes on").unwrap();
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            deliveries.push(delivery);
        }
        deliveries
    }

    /// How many messages wait in the queue.
    pub(crate) async fn length(&self, queue: &str) -> u32 {
        let (_connection, channel) = self.channel().await;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap().message_count()
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        if let Some(machine) = self.virtual_machine() {
            let _ = kill_process(machine, Signal::KILL);
        }
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = self.port_mapper.kill();
        let _ = self.port_mapper.wait();
    }
}

/// An authority, and a certificate of the broker from it.
fn make_certificates(dir: &Path) {
    let run = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(dir).args(arguments.split(' ')).stdin(Stdio::null());
        let Output { status, stderr, .. } = command.output().expect("openssl is installed");
        assert!(status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&stderr));
    };
    fs::write(dir.join("extensions"), "subjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n")
        .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc";
    run(&format!("req -x509 {key} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem"));
    run(&format!("req {key} -subj /CN=broker -keyout broker.key -out broker.csr"));
    run("x509 -req -in broker.csr -CA authority.pem -CAkey authority.key -days 2 -extfile extensions -out broker.pem");
}

fn connects(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
