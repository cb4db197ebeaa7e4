use clap::{Args, Subcommand};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SinksCommand {
    /// List the sinks: name, state, position, how many events and seconds it is behind, error and holder.
    List,
    /// Pause a sink: it keeps its position, and nothing is sent to it.
    Pause {
        /// The sink, e.g. rabbitmq.
        name: String,
    },
    /// Resume a paused sink behind its position.
    Resume {
        /// The sink, e.g. rabbitmq.
        name: String,
    },
    /// Move a sink: back to deliver events again, or ahead to skip events.
    Move {
        /// The sink, e.g. rabbitmq.
        name: String,
        #[command(flatten)]
        target: MoveTarget,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct MoveTarget {
    /// Continue with the event behind this position; 0 for the first event.
    #[arg(long)]
    pub position: Option<u64>,
    /// Continue with the first event that happened at this time or later, e.g. 2026-01-31T12:00:00Z.
    #[arg(long, value_parser = time)]
    pub time: Option<OffsetDateTime>,
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map_err(|_| "a time has the form of RFC 3339, e.g. 2026-01-31T12:00:00Z".to_owned())
}
