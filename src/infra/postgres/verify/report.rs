use std::fmt;

use time::OffsetDateTime;
use uuid::Uuid;

/// The result of a check.
#[derive(Debug, Default)]
pub struct VerifyReport {
    pub orders: u64,
    pub events: u64,
    /// The last retired position.
    pub retired_to: i64,
    /// The last position that was taken.
    pub head: i64,
    /// Orders whose first events are retired, and which therefore cannot be checked.
    pub retired: u64,
    /// The number of findings.
    pub found: u64,
    /// The first ones.
    findings: Vec<Finding>,
}

/// A difference between the tables and the event log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    #[error("event_head has {0} rows, not one")]
    Heads(usize),
    #[error("the head is at position {head}, but the event log goes on to {last}")]
    BeyondTheHead { head: i64, last: i64 },
    #[error("{}", missing(*first, *last))]
    Hole { first: i64, last: i64 },
    #[error("the events of tenant {tenant} have the sequences {first} to {last}, but there are {events} of them")]
    Sequences { tenant: String, first: i64, last: i64, events: i64 },
    #[error("the sequences of tenant {tenant} are not in the order of the positions at position {position}")]
    SequenceOutOfOrder { tenant: String, position: i64 },
    #[error("the head of tenant {tenant} is at sequence {head}, but its last event has {last}")]
    TenantHead { tenant: String, head: i64, last: i64 },
    #[error("order {order_id} of {tenant} has events and is not in the table")]
    NoOrder { tenant: String, order_id: Uuid },
    #[error("order {order_id} of {tenant} has no events")]
    NoEvents { tenant: String, order_id: Uuid },
    #[error("order {order_id} of {tenant} has position {position} after position {before}")]
    OutOfOrder { tenant: String, order_id: Uuid, position: i64, before: i64 },
    #[error("order {order_id} of {tenant} cannot be replayed at version {version}: {reason}")]
    NotReplayed { tenant: String, order_id: Uuid, version: i32, reason: String },
    #[error(
        "the figures count {counted} orders of {tenant} that were created in the quarter of an hour from {quarter}, are \
        {status}, and have the currency {currency}; {}", off(*missing)
    )]
    Figures { tenant: String, quarter: OffsetDateTime, status: String, currency: String, counted: i64, missing: i64 },
    #[error("order {order_id} of {tenant} differs from the replay of its events: {differences}")]
    Differs { tenant: String, order_id: Uuid, differences: String },
}

fn off(missing: i64) -> String {
    match missing {
        0 => "their units or amounts are wrong".to_owned(),
        _ => format!("the orders give {missing:+}"),
    }
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        format!("position {first} is missing")
    } else {
        format!("positions {first} to {last} are missing")
    }
}

impl VerifyReport {
    /// How many findings are listed.
    const LISTED: usize = 100;

    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < Self::LISTED {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.head > self.retired_to {
            writeln!(f, "positions  {} to {}", self.retired_to.saturating_add(1), self.head)?;
        } else {
            writeln!(f, "positions  none")?;
        }
        writeln!(f, "events     {}", self.events)?;
        writeln!(f, "orders     {}", self.orders)?;
        if self.retired > 0 {
            writeln!(f, "unchecked  {} orders, whose first events are retired", self.retired)?;
        }
        for finding in &self.findings {
            writeln!(f, "wrong      {finding}")?;
        }
        if self.findings.len() as u64 != self.found {
            writeln!(f, "wrong      {} more", self.found - self.findings.len() as u64)?;
        }
        match self.found {
            0 => {
                write!(
                    f,
                    "Nothing is wrong: no position and no sequence is missing, every order equals the replay of its events, \
                    and the figures are those of the orders."
                )
            }
            1 => write!(f, "1 thing is wrong."),
            several => write!(f, "{several} things are wrong."),
        }
    }
}
