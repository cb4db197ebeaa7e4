use std::collections::BTreeMap;

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

/// The orders that a batch of events changes, each as it was before.
#[derive(Debug, Default)]
pub(crate) struct ChangedOrders {
    orders: BTreeMap<(TenantId, OrderId), Replay>,
    rows: BTreeMap<Key, Change>,
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
        let replay = self.orders.entry((event.tenant.clone(), event.order_id)).or_default();
        Ok(replay.apply(&decoded(event)?)?)
    }

    /// The next event of the batch.
    pub(crate) fn apply(&mut self, event: &LoggedEvent) -> Result<(), FoldError> {
        let replay = self.orders.entry((event.tenant.clone(), event.order_id)).or_default();
        if event.version > 1 {
            count(&mut self.rows, &event.tenant, replay.state()?, -1);
        }
        replay.apply(&decoded(event)?)?;
        count(&mut self.rows, &event.tenant, replay.state()?, 1);
        Ok(())
    }

    /// What the batch adds to each row.
    pub(crate) fn into_rows(mut self) -> BTreeMap<Key, Change> {
        self.rows.retain(|_, change| *change != Change::default());
        self.rows
    }
}

fn decoded(event: &LoggedEvent) -> Result<OrderEvent, FoldError> {
    let kind = decode_data(&event.event_type, &event.data)?;
    let LoggedEvent { event_id, order_id, version, occurred_at, .. } = *event;
    Ok(OrderEvent { event_id, order_id, version, occurred_at, kind })
}

fn count(rows: &mut BTreeMap<Key, Change>, tenant: &TenantId, state: &OrderState, sign: i64) {
    let key = (tenant.clone(), quarter(state.created_at), state.status.as_str(), state.currency.code());
    let row = rows.entry(key).or_default();
    row.orders += sign;
    row.units += sign * i64::from(state.units_count());
    row.amount += Decimal::from(sign) * state.total_amount().value();
}
