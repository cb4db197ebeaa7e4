//! The relay as the settings say, and `orders sinks`.

use std::{fs, path::PathBuf, pin::Pin, thread};

use anyhow::Context;
use tokio::{runtime, sync::oneshot};

use crate::{
    app::{Clock, CursorTarget, IdGenerator, ListSinks, MoveSink, PauseSink, Ports, SinkStatus},
    config::{Config, MoveTarget, SinksCommand},
    infra::{self, LogLines, Metrics, OrderStatsProjection, RabbitMq, Relay},
};

/// The sinks that the settings name, besides the log lines.
pub(super) struct Sinks {
    rabbitmq: Option<RabbitMq>,
    #[cfg(feature = "kafka")]
    kafka: Option<infra::Kafka>,
    order_stats: Option<OrderStatsProjection>,
}

impl Sinks {
    /// The store in memory keeps no read models.
    pub(super) fn new(
        config: &Config,
        metrics: &Metrics,
        order_stats: Option<OrderStatsProjection>,
    ) -> anyhow::Result<Self> {
        #[cfg(not(feature = "kafka"))]
        anyhow::ensure!(
            config.sinks.kafka_brokers.is_none(),
            "ORDERS_KAFKA_BROKERS is set, but this build has no Kafka: build it with --features kafka, or use the image"
        );
        Ok(Self {
            rabbitmq: rabbitmq(config, metrics)?,
            #[cfg(feature = "kafka")]
            kafka: kafka(config)?,
            order_stats,
        })
    }
}

/// The relay, on a thread of its own: no write of this process waits for a sink.
pub(super) struct RelayThread {
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<()>,
}

impl RelayThread {
    pub(super) async fn start<P: Ports>(ports: &P, sinks: Sinks) -> anyhow::Result<Self> {
        let instance = ports.ids().event_id(ports.clock().now()).to_string();
        let mut relay = Relay::new(ports.clone(), instance).with(LogLines);
        if let Some(rabbitmq) = sinks.rabbitmq {
            relay = relay.with(rabbitmq);
        }
        #[cfg(feature = "kafka")]
        if let Some(kafka) = sinks.kafka {
            relay = relay.with(kafka);
        }
        if let Some(order_stats) = sinks.order_stats {
            relay = relay.with(order_stats);
        }
        relay.register().await;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().context("the relay")?;
        let (stop, stopping) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let run = move || {
            infra::yield_to_requests();
            runtime.block_on(relay.run(async {
                // A sender that is gone means the same.
                let _ = stopping.await;
            }));
            runtime.shutdown_background();
            let _ = ending.send(());
        };
        thread::Builder::new().name("relay".to_owned()).spawn(run).context("the relay")?;
        Ok(Self { stop: Some(stop), ended })
    }

    /// Stores the cursors and gives the leases back.
    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        let _ = Pin::new(&mut self.ended).await;
    }
}

fn rabbitmq(config: &Config, metrics: &Metrics) -> anyhow::Result<Option<RabbitMq>> {
    let Some(url) = &config.sinks.amqp_url else { return Ok(None) };
    let read =
        |path: &PathBuf| fs::read_to_string(path).with_context(|| format!("ORDERS_AMQP_CA_FILE={}", path.display()));
    let authorities = config.sinks.amqp_ca_file.as_ref().map(read).transpose()?;
    Ok(Some(RabbitMq::new(url, authorities, metrics).context("ORDERS_AMQP_URL")?))
}

#[cfg(feature = "kafka")]
fn kafka(config: &Config) -> anyhow::Result<Option<infra::Kafka>> {
    let settings = &config.sinks;
    let Some(brokers) = settings.kafka_brokers.clone() else { return Ok(None) };
    let ca_file = settings.kafka_ca_file.as_ref().map(|path| path.display().to_string());
    let kafka = infra::Kafka::new(infra::KafkaSettings {
        brokers,
        topic: settings.kafka_topic.clone(),
        security_protocol: settings.kafka_security_protocol.as_str(),
        sasl_mechanism: settings.kafka_sasl_mechanism.as_str(),
        username: settings.kafka_username.clone(),
        password: settings.kafka_password.clone(),
        ca_file: ca_file.clone(),
    });
    // The parsers of the settings have checked everything else.
    kafka.map(Some).with_context(|| match ca_file {
        Some(path) => format!("ORDERS_KAFKA_CA_FILE={path}: name a file with certificates in PEM"),
        None => "ORDERS_KAFKA_BROKERS".to_owned(),
    })
}

/// Carries a command about sinks out.
pub(super) async fn manage<P: Ports>(ports: &P, command: SinksCommand) -> anyhow::Result<()> {
    match command {
        SinksCommand::List => {
            for sink in ListSinks(ports).execute().await? {
                println!("{}", row(&sink));
            }
        }
        SinksCommand::Pause { name } => println!("{}", row(&PauseSink(ports).execute(&name, true).await?)),
        SinksCommand::Resume { name } => println!("{}", row(&PauseSink(ports).execute(&name, false).await?)),
        SinksCommand::Move { name, target } => {
            let to = match target {
                MoveTarget { position: Some(position), .. } => CursorTarget::Position(position),
                MoveTarget { time: Some(time), .. } => CursorTarget::Time(time),
                MoveTarget { .. } => anyhow::bail!("say where to: --position or --time"),
            };
            println!("{}", row(&MoveSink(ports).execute(&name, to).await?));
        }
    }
    Ok(())
}

fn row(sink: &SinkStatus) -> String {
    let (state, behind, seconds) = (sink.state().as_str(), sink.lag_events(), sink.lag.as_secs_f64());
    let parts = [
        Some(sink.name.clone()),
        Some(state.to_owned()),
        Some(format!("position {}", sink.position)),
        Some(format!("{behind} events behind ({seconds:.1} s)")),
        sink.failure.as_ref().map(|(error, _)| format!("error: {error}")),
        sink.holder.as_ref().map(|holder| format!("worked by {holder}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}
