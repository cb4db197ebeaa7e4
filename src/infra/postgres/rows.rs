use rust_decimal::Decimal;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::{
        Cause, EventDataError, LoggedEvent, Numbers, OrderDetails, OrderSummary, RepoError, StoredStatus, decode_data,
    },
    domain::{Actor, Amount, Currency, Line, OrderEvent, OrderId, OrderState, Price, Status, TenantId},
};

use super::{errors::corrupt, row_tenant::check_tenant};

/// A row of a join of `orders` and `order_items`: the columns of the order, and one of its lines. An order without lines has
/// one row, with a null line.
pub(super) struct OrderRow {
    /// The number of the order among the requested ones.
    pub(super) n: i32,
    pub(super) tenant_id: String,
    pub(super) customer_id: String,
    pub(super) status: String,
    pub(super) currency: String,
    pub(super) last_line: i32,
    pub(super) version: i32,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) line: Option<i32>,
    pub(super) sku: Option<String>,
    pub(super) name: Option<String>,
    pub(super) quantity: Option<i32>,
    pub(super) unit_price: Option<Decimal>,
}

pub(super) struct SummaryRow {
    pub(super) tenant_id: String,
    pub(super) order_id: Uuid,
    pub(super) customer_id: String,
    pub(super) status: String,
    pub(super) currency: String,
    pub(super) items_count: i32,
    pub(super) units_count: i32,
    pub(super) total_amount: Decimal,
    pub(super) version: i32,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

pub(super) struct LoggedEventRow {
    pub(super) position: i64,
    pub(super) sequence: i64,
    pub(super) authtype: Option<String>,
    pub(super) authid: Option<String>,
    pub(super) traceparent: Option<String>,
    pub(super) tenant_id: String,
    pub(super) event_id: Uuid,
    pub(super) order_id: Uuid,
    pub(super) version: i32,
    pub(super) event_type: String,
    pub(super) payload: String,
    pub(super) occurred_at: OffsetDateTime,
}

impl LoggedEventRow {
    /// The event, if it belongs to the tenant that it was read for.
    pub(super) fn into_logged(self, asked: Option<&TenantId>) -> Result<LoggedEvent, RepoError> {
        let row = self;
        asked.map_or(Ok(()), |asked| check_tenant(asked, &row.tenant_id))?;
        Ok(LoggedEvent {
            numbers: Numbers {
                position: u64::try_from(row.position).map_err(corrupt)?,
                sequence: u64::try_from(row.sequence).map_err(corrupt)?,
            },
            cause: Cause { actor: actor(row.authtype, row.authid), traceparent: row.traceparent },
            tenant: row.tenant_id.parse().map_err(corrupt)?,
            event_id: row.event_id,
            order_id: OrderId::from_uuid(row.order_id),
            version: number(row.version)?,
            event_type: row.event_type,
            occurred_at: row.occurred_at,
            data: row.payload,
        })
    }
}

fn actor(authtype: Option<String>, authid: Option<String>) -> Option<Actor> {
    Some(Actor { authtype: authtype?.into(), authid: authid? })
}

/// The bounds of the event log, and one event of the slice. A slice without events has one row.
pub(super) struct SliceRow {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) position: Option<i64>,
    pub(super) sequence: Option<i64>,
    pub(super) authtype: Option<String>,
    pub(super) authid: Option<String>,
    pub(super) traceparent: Option<String>,
    pub(super) tenant_id: Option<String>,
    pub(super) event_id: Option<Uuid>,
    pub(super) order_id: Option<Uuid>,
    pub(super) version: Option<i32>,
    pub(super) event_type: Option<String>,
    pub(super) payload: Option<String>,
    pub(super) occurred_at: Option<OffsetDateTime>,
}

impl SliceRow {
    /// `None` for the one row of a slice without events.
    pub(super) fn into_logged(self, asked: Option<&TenantId>) -> Result<Option<LoggedEvent>, RepoError> {
        let Some(position) = self.position else { return Ok(None) };
        let row = LoggedEventRow {
            position,
            sequence: present("sequence", self.sequence)?,
            authtype: self.authtype,
            authid: self.authid,
            traceparent: self.traceparent,
            tenant_id: present("tenant_id", self.tenant_id)?,
            event_id: present("event_id", self.event_id)?,
            order_id: present("order_id", self.order_id)?,
            version: present("version", self.version)?,
            event_type: present("type", self.event_type)?,
            payload: present("payload", self.payload)?,
            occurred_at: present("occurred_at", self.occurred_at)?,
        };
        row.into_logged(asked).map(Some)
    }
}

/// A required column is null.
#[derive(Debug, thiserror::Error)]
#[error("a row has no {0}")]
struct MissingColumn(&'static str);

fn present<T>(column: &'static str, value: Option<T>) -> Result<T, RepoError> {
    value.ok_or_else(|| corrupt(MissingColumn(column)))
}

pub(super) struct EventRow {
    pub(super) tenant_id: String,
    pub(super) event_id: Uuid,
    pub(super) version: i32,
    pub(super) event_type: String,
    pub(super) payload: String,
    pub(super) occurred_at: OffsetDateTime,
}

impl EventRow {
    /// The event, if it belongs to the tenant that it was read for.
    pub(super) fn into_event_of(self, tenant: &TenantId, order_id: OrderId) -> Result<OrderEvent, RepoError> {
        check_tenant(tenant, &self.tenant_id)?;
        self.into_event(order_id)
    }

    fn into_event(self, order_id: OrderId) -> Result<OrderEvent, RepoError> {
        Ok(OrderEvent {
            event_id: self.event_id,
            order_id,
            version: number(self.version)?,
            occurred_at: self.occurred_at,
            kind: decode_data(&self.event_type, &self.payload).map_err(unread_event)?,
        })
    }
}

fn unread_event(error: EventDataError) -> RepoError {
    match error {
        EventDataError::UnknownType(_) => RepoError::NewerRelease(error.into()),
        EventDataError::Malformed(_) | EventDataError::Value { .. } => corrupt(error),
    }
}

/// An order as its rows have it.
pub(super) enum ReadOrder {
    State(OrderState),
    /// A newer release wrote a status that this release does not know.
    UnknownStatus(OrderDetails),
}

/// A use case cannot decide on an order with an unknown status.
#[derive(Debug, thiserror::Error)]
#[error("order {id} has the unknown status {status:?}")]
struct UnknownStatus {
    id: OrderId,
    status: String,
}

impl ReadOrder {
    /// The order of these rows, which has one line in each, if it belongs to the tenant that it was read for. `None` for no
    /// rows.
    pub(super) fn from_rows(tenant: &TenantId, id: OrderId, rows: Vec<OrderRow>) -> Result<Option<Self>, RepoError> {
        let Some(first) = rows.first() else { return Ok(None) };
        check_tenant(tenant, &first.tenant_id)?;
        let currency: Currency = first.currency.parse().map_err(corrupt)?;
        let status = StoredStatus::parse(&first.status);
        let mut state = OrderState {
            order_id: id,
            customer_id: first.customer_id.parse().map_err(corrupt)?,
            // An unknown status is replaced below. No other field depends on it.
            status: if let StoredStatus::Known(status) = status { status } else { Status::Open },
            currency,
            lines: Vec::with_capacity(rows.len()),
            last_line: number(first.last_line)?,
            version: number(first.version)?,
            created_at: first.created_at,
            updated_at: first.updated_at,
        };
        for row in rows {
            state.lines.extend(row.into_line(currency)?);
        }
        Ok(Some(match status {
            StoredStatus::Known(_) => Self::State(state),
            StoredStatus::Unknown(_) => {
                let mut details = OrderDetails::from(state);
                details.summary.status = status;
                Self::UnknownStatus(details)
            }
        }))
    }

    /// For use cases.
    pub(super) fn into_state(self) -> Result<OrderState, RepoError> {
        match self {
            Self::State(state) => Ok(state),
            Self::UnknownStatus(OrderDetails { summary, .. }) => {
                let (id, status) = (summary.order_id, summary.status.as_str().to_owned());
                Err(RepoError::NewerRelease(UnknownStatus { id, status }.into()))
            }
        }
    }

    /// For the read side.
    pub(super) fn into_details(self) -> OrderDetails {
        match self {
            Self::State(state) => state.into(),
            Self::UnknownStatus(details) => details,
        }
    }
}

/// All columns of an order.
pub(super) struct StoredOrder {
    pub(super) tenant_id: String,
    pub(super) order_id: Uuid,
    pub(super) customer_id: String,
    pub(super) status: String,
    pub(super) currency: String,
    pub(super) items_count: i32,
    pub(super) units_count: i32,
    pub(super) total_amount: Decimal,
    pub(super) last_line: i32,
    pub(super) version: i32,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

/// All columns of a line.
pub(super) struct StoredItem {
    pub(super) tenant_id: String,
    pub(super) order_id: Uuid,
    pub(super) line: i32,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) quantity: i32,
    pub(super) unit_price: Decimal,
}

impl StoredOrder {
    /// The order of these rows, and its stored counts and total.
    pub(super) fn state(self, items: Vec<StoredItem>) -> Result<(OrderState, (usize, u32, Decimal)), RepoError> {
        let currency: Currency = self.currency.parse().map_err(corrupt)?;
        let totals = (number(self.items_count)?, number(self.units_count)?, self.total_amount);
        let state = OrderState {
            order_id: OrderId::from_uuid(self.order_id),
            customer_id: self.customer_id.parse().map_err(corrupt)?,
            status: self.status.parse().map_err(corrupt)?,
            currency,
            lines: items.into_iter().map(|item| item.line(currency)).collect::<Result<_, _>>()?,
            last_line: number(self.last_line)?,
            version: number(self.version)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Ok((state, totals))
    }
}

impl StoredItem {
    fn line(self, currency: Currency) -> Result<Line, RepoError> {
        line(self.line, &self.sku, &self.name, self.quantity, self.unit_price, currency)
    }
}

impl LoggedEventRow {
    pub(super) fn into_event(self) -> Result<OrderEvent, RepoError> {
        let Self { tenant_id, event_id, order_id, version, event_type, payload, occurred_at, .. } = self;
        EventRow { tenant_id, event_id, version, event_type, payload, occurred_at }
            .into_event(OrderId::from_uuid(order_id))
    }
}

impl OrderRow {
    /// `None` for the one row of an order without lines.
    fn into_line(self, currency: Currency) -> Result<Option<Line>, RepoError> {
        let Some(number) = self.line else { return Ok(None) };
        let (sku, name) = (present("sku", self.sku)?, present("name", self.name)?);
        let (quantity, unit_price) = (present("quantity", self.quantity)?, present("unit_price", self.unit_price)?);
        line(number, &sku, &name, quantity, unit_price, currency).map(Some)
    }
}

fn line(
    line: i32,
    sku: &str,
    name: &str,
    quantity: i32,
    unit_price: Decimal,
    currency: Currency,
) -> Result<Line, RepoError> {
    Ok(Line {
        number: number(line)?,
        sku: sku.parse().map_err(corrupt)?,
        name: name.parse().map_err(corrupt)?,
        quantity: i64::from(quantity).try_into().map_err(corrupt)?,
        unit_price: Price::new(unit_price, currency).map_err(corrupt)?,
    })
}

impl SummaryRow {
    /// The summary, if it belongs to the tenant that it was read for.
    pub(super) fn into_summary(self, tenant: &TenantId) -> Result<OrderSummary, RepoError> {
        let row = self;
        check_tenant(tenant, &row.tenant_id)?;
        let currency = row.currency.parse().map_err(corrupt)?;
        Ok(OrderSummary {
            order_id: OrderId::from_uuid(row.order_id),
            customer_id: row.customer_id.parse().map_err(corrupt)?,
            status: StoredStatus::parse(&row.status),
            currency,
            items_count: number(row.items_count)?,
            units_count: number(row.units_count)?,
            total_amount: Amount::exactly(row.total_amount, currency),
            version: number(row.version)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A stored number as another integer type. The constraints of the schema keep it in range.
pub(super) fn number<T: TryFrom<i32>>(stored: i32) -> Result<T, RepoError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(stored).map_err(corrupt)
}

/// A number as the integer type of the schema.
pub(super) fn number_to_store<T>(number: T) -> Result<i32, RepoError>
where
    i32: TryFrom<T>,
    <i32 as TryFrom<T>>::Error: std::error::Error + Send + Sync + 'static,
{
    i32::try_from(number).map_err(corrupt)
}
