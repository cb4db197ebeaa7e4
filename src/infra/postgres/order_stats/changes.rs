use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use time::OffsetDateTime;

use crate::{
    app::{EventDataError, LoggedEvent, decode_data},
    domain::{OrderEvent, OrderId, OrderState, Replay, ReplayError, TenantId},
};

/// The key of a row: tenant, quarter of an hour, status, currency.
pub(crate) type Key = (TenantId, OffsetDateTime, &'static str, &'static str);

/// What is added to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) orders: i64,
    pub(crate) units: i64,
    pub(crate) amount: Decimal,
}

/// The orders that a batch of events changes.
#[derive(Debug, Default)]
pub(crate) struct ChangedOrders {
    orders: HashMap<(TenantId, OrderId), ChangedOrder>,
}

#[derive(Debug, Default)]
struct ChangedOrder {
    /// What the order counted before the batch. `None` if it did not exist.
    before: Option<Counted>,
    is_changed: bool,
    replay: Replay,
}

/// What an order counts, and in which row of its tenant.
#[derive(Clone, Copy, Debug)]
struct Counted {
    quarter: OffsetDateTime,
    status: &'static str,
    currency: &'static str,
    units: u32,
    amount: Decimal,
}

/// Why the state of an order cannot be folded from its events.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    /// Such as events that were retired.
    #[error("an order does not have all its events: {0}")]
    Incomplete(#[from] ReplayError),
    /// Such as one of a newer release.
    #[error("an event cannot be read: {0}")]
    Unreadable(#[from] EventDataError),
}

/// The length of a quarter of an hour, in seconds.
const QUARTER: i64 = 900;

/// The begin of the quarter of an hour that has this moment.
pub(crate) fn quarter(at: OffsetDateTime) -> OffsetDateTime {
    let begin = at.unix_timestamp().div_euclid(QUARTER) * QUARTER;
    OffsetDateTime::from_unix_timestamp(begin).unwrap_or(at)
}

impl ChangedOrders {
    /// The orders whose earlier events have to be read, with the version of their first event in the batch.
    pub(crate) fn to_read<'a>(events: impl IntoIterator<Item = &'a LoggedEvent>) -> BTreeMap<(TenantId, OrderId), u32> {
        let mut firsts = BTreeMap::new();
        for event in events {
            firsts.entry((event.tenant.clone(), event.order_id)).or_insert(event.version);
        }
        firsts.retain(|_, first| *first > 1);
        firsts
    }

    /// An event from before the batch. They come by order and version.
    pub(crate) fn before(&mut self, event: &LoggedEvent) -> Result<(), FoldError> {
        let order = self.orders.entry((event.tenant.clone(), event.order_id)).or_default();
        Ok(order.replay.apply(&decoded(event)?)?)
    }

    /// The next event of the batch.
    pub(crate) fn apply(&mut self, event: &LoggedEvent) -> Result<(), FoldError> {
        let order = self.orders.entry((event.tenant.clone(), event.order_id)).or_default();
        if !order.is_changed {
            order.before = order.replay.state().ok().map(counted);
            order.is_changed = true;
        }
        Ok(order.replay.apply(&decoded(event)?)?)
    }

    /// What the batch adds to each row.
    pub(crate) fn into_rows(self) -> BTreeMap<Key, Change> {
        let mut rows = BTreeMap::new();
        for ((tenant, _), order) in self.orders {
            if order.is_changed {
                let after = order.replay.state().ok().map(counted);
                for (counted, sign) in [(order.before, -1), (after, 1)] {
                    if let Some(counted) = counted {
                        add(&mut rows, &tenant, counted, sign);
                    }
                }
            }
        }
        rows.retain(|_, change| *change != Change::default());
        rows
    }
}

fn decoded(event: &LoggedEvent) -> Result<OrderEvent, FoldError> {
    let kind = decode_data(&event.event_type, &event.data)?;
    let LoggedEvent { event_id, order_id, version, occurred_at, .. } = *event;
    Ok(OrderEvent { event_id, order_id, version, occurred_at, kind })
}

fn counted(state: &OrderState) -> Counted {
    Counted {
        quarter: quarter(state.created_at),
        status: state.status.as_str(),
        currency: state.currency.code(),
        units: state.units_count(),
        amount: state.total_amount().value(),
    }
}

fn add(rows: &mut BTreeMap<Key, Change>, tenant: &TenantId, counted: Counted, sign: i64) {
    let Counted { quarter, status, currency, units, amount } = counted;
    let row = rows.entry((tenant.clone(), quarter, status, currency)).or_default();
    row.orders += sign;
    row.units += sign * i64::from(units);
    row.amount += Decimal::from(sign) * amount;
}
