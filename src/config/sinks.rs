//! The settings of the sinks.

use std::path::PathBuf;

use clap::Args;

#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
pub struct SinksConfig {
    /// URL of a RabbitMQ that receives every event, as amqp://user:password@host:port/vhost, or amqps://… for TLS.
    ///
    /// The service declares the durable topic exchange orders.events and publishes there. Percent-encode special characters; the virtual host / is %2f. docs/CONSUMING.md says how to consume the events.
    #[arg(long, env = "ORDERS_AMQP_URL", value_name = "ORDERS_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,

    /// File with the authorities that the certificate of RabbitMQ may come from, besides the public ones, in PEM.
    ///
    /// It has an effect only with an amqps URL.
    #[arg(long, env = "ORDERS_AMQP_CA_FILE", value_name = "ORDERS_AMQP_CA_FILE")]
    pub amqp_ca_file: Option<PathBuf>,
}
