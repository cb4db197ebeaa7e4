use uuid::Uuid;

use crate::{
    app::RepoError,
    domain::{OrderState, Replay},
    infra::postgres::rows::{LoggedEventRow, StoredItem, StoredOrder},
};

use super::report::{Finding, VerifyReport};

/// The replay of the events of one order.
pub(super) struct OrderReplay {
    /// Tenant and order id.
    pub(super) key: (String, Uuid),
    replay: Replay,
    position: i64,
    /// Its first events are retired, or an event could not be replayed, which is reported.
    given_up: bool,
}

impl OrderReplay {
    pub(super) fn begin(first: &LoggedEventRow) -> Self {
        let key = (first.tenant_id.clone(), first.order_id);
        Self { key, replay: Replay::default(), position: 0, given_up: false }
    }

    pub(super) fn is_of(&self, row: &LoggedEventRow) -> bool {
        self.key.1 == row.order_id && self.key.0 == row.tenant_id
    }

    pub(super) fn add(&mut self, row: LoggedEventRow, report: &mut VerifyReport) {
        let (tenant, order_id) = self.key.clone();
        if row.position <= self.position {
            let (position, before) = (row.position, self.position);
            report.find(Finding::OutOfOrder { tenant: tenant.clone(), order_id, position, before });
        }
        if self.position == 0 && row.version > 1 && report.retired_to > 0 {
            report.retired += 1;
            self.given_up = true;
        }
        self.position = row.position;
        if self.given_up {
            return;
        }
        let version = row.version;
        let replayed = row.into_event().map_err(reason);
        let replayed = replayed.and_then(|event| self.replay.apply(&event).map_err(|error| error.to_string()));
        if let Err(reason) = replayed {
            self.given_up = true;
            report.find(Finding::NotReplayed { tenant, order_id, version, reason });
        }
    }
}

/// Compares an order and its lines with the replay of its events, field by field.
pub(super) fn compare(
    report: &mut VerifyReport,
    replayed: OrderReplay,
    order: Option<StoredOrder>,
    lines: Vec<StoredItem>,
) {
    let (tenant, order_id) = replayed.key;
    let Some(order) = order else {
        report.find(Finding::NoOrder { tenant, order_id });
        return;
    };
    if replayed.given_up {
        return;
    }
    let Ok(expected) = replayed.replay.finish() else { return };
    let differences = match order.state(lines) {
        Ok((state, totals)) => {
            let mut fields = differing(&state, &expected);
            if totals != (expected.items_count(), expected.units_count(), expected.total_amount().value()) {
                fields.push("the totals");
            }
            fields.join(", ")
        }
        Err(error) => reason(error),
    };
    if !differences.is_empty() {
        report.find(Finding::Differs { tenant, order_id, differences });
    }
}

/// Why a row cannot be read.
fn reason(error: RepoError) -> String {
    match error {
        RepoError::Backend(cause) | RepoError::NewerRelease(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

fn differing(stored: &OrderState, replayed: &OrderState) -> Vec<&'static str> {
    let OrderState { order_id, customer_id, status, currency, lines, last_line, version, created_at, updated_at } =
        stored;
    let fields = [
        ("order_id", *order_id == replayed.order_id),
        ("customer_id", *customer_id == replayed.customer_id),
        ("status", *status == replayed.status),
        ("currency", *currency == replayed.currency),
        ("the items", *lines == replayed.lines),
        ("last_line", *last_line == replayed.last_line),
        ("version", *version == replayed.version),
        ("created_at", *created_at == replayed.created_at),
        ("updated_at", *updated_at == replayed.updated_at),
    ];
    fields.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
}
