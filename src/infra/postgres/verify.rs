//! Holds the tables against the log: every order is folded from its events anew, and every position is looked for.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions, query, query_as, query_scalar};
use uuid::Uuid;

use crate::{
    app::RepoError,
    domain::{OrderState, Replay},
};

use super::{
    migrate::SCHEMA_VERSION,
    rows::{LogRow, StoredItem, StoredOrder},
    verify_report::{Finding, VerifyReport},
};

/// How many orders are held at a time: of an order no more than its lines is.
const PAGE: i64 = 500;

/// How many positions one statement counts.
const POSITIONS: i64 = 100_000;

/// How often a long run says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Why nothing can be said about a database.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("no connection to the database")]
    Connect(#[source] sqlx::Error),
    #[error("the database has not the schema of this release: start the service on it first")]
    Schema,
    #[error("the database stopped answering")]
    Read(#[from] sqlx::Error),
}

/// Reads all of one moment, in memory that does not grow with the database. `progress` is told, now and then, how far it is.
pub async fn verify(options: &PgConnectOptions, progress: impl FnMut(&str)) -> Result<VerifyReport, VerifyError> {
    // A large database takes longer than any request may.
    let patient = [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
    let mut connection = options.clone().options(patient).connect().await.map_err(VerifyError::Connect)?;
    let mut transaction = connection.begin_with("begin isolation level repeatable read read only").await?;
    let schema = query_scalar!("select max(version) from refinery_schema_history").fetch_one(&mut *transaction).await;
    match schema {
        Ok(applied) if applied >= Some(*SCHEMA_VERSION) => {}
        Ok(_) => return Err(VerifyError::Schema),
        // There is no such table.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            return Err(VerifyError::Schema);
        }
        Err(error) => return Err(error.into()),
    }
    let mut audit =
        Audit { connection: &mut transaction, report: VerifyReport::default(), progress, told: Instant::now() };
    audit.positions().await?;
    audit.orders().await?;
    let report = audit.report;
    transaction.rollback().await?;
    Ok(report)
}

struct Audit<'c, F> {
    connection: &'c mut PgConnection,
    report: VerifyReport,
    progress: F,
    told: Instant,
}

/// Where an order is in the order of the index.
type Key = (String, Uuid);

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Every position from the first that is kept to the head is there.
    async fn positions(&mut self) -> Result<(), VerifyError> {
        let heads = query_scalar!("select position from event_head").fetch_all(&mut *self.connection).await?;
        let [head] = heads[..] else {
            self.report.find(Finding::Heads(heads.len()));
            return Ok(());
        };
        let bounds =
            query!("select min(position), max(position) from order_events").fetch_one(&mut *self.connection).await?;
        let (first, last) = (bounds.min.unwrap_or(head + 1), bounds.max.unwrap_or(0));
        self.report.first_position = first;
        self.report.last_position = head;
        if last > head {
            self.report.find(Finding::BehindTheHead { head, last });
        }
        let mut from = first;
        while from <= head {
            let to = head.min(from.saturating_add(POSITIONS - 1));
            let counted = query_scalar!(
                r#"select count(*) as "count!" from order_events where position between $1 and $2"#,
                from,
                to
            );
            let counted = counted.fetch_one(&mut *self.connection).await?;
            self.report.events += u64::try_from(counted).unwrap_or_default();
            if counted != to - from + 1 {
                self.holes(from, to).await?;
            }
            self.tell(|_| format!("positions: {to} of {head}"));
            from = to + 1;
        }
        Ok(())
    }

    async fn holes(&mut self, from: i64, to: i64) -> Result<(), VerifyError> {
        let mut missing = query_scalar!(
            r#"select p as "position!" from generate_series($1::bigint, $2) as p
            where not exists (select from order_events e where e.position = p)
            order by p"#,
            from,
            to
        )
        .fetch(&mut *self.connection);
        while let Some(position) = missing.try_next().await? {
            self.report.find(Finding::Hole(position));
        }
        Ok(())
    }

    /// Every order is what its events make of it, and every event is of an order.
    async fn orders(&mut self) -> Result<(), VerifyError> {
        let all = query_scalar!(r#"select count(*) as "count!" from orders"#).fetch_one(&mut *self.connection).await?;
        let mut after: Key = (String::new(), Uuid::nil());
        loop {
            let page = query_as!(
                StoredOrder,
                "select tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
                    version, created_at, updated_at
                from orders
                where (tenant_id, order_id) > ($1, $2)
                order by tenant_id, order_id
                limit $3",
                after.0,
                after.1,
                PAGE
            )
            .fetch_all(&mut *self.connection)
            .await?;
            let Some(last) = page.last() else { break };
            let until = (last.tenant_id.clone(), last.order_id);
            let items = self.items(&after, &until).await?;
            self.report.orders += page.len() as u64;
            self.fold(page, items, &after, &until).await?;
            self.tell(|report| format!("orders: {} of {all}", report.orders));
            after = until;
        }
        let strays = query!(
            "select distinct tenant_id, order_id from order_events where (tenant_id, order_id) > ($1, $2)",
            after.0,
            after.1
        );
        for stray in strays.fetch_all(&mut *self.connection).await? {
            self.report.find(Finding::NoOrder { tenant: stray.tenant_id, order_id: stray.order_id });
        }
        Ok(())
    }

    async fn items(&mut self, after: &Key, until: &Key) -> Result<HashMap<Key, Vec<StoredItem>>, VerifyError> {
        let mut items: HashMap<Key, Vec<StoredItem>> = HashMap::new();
        let mut rows = query_as!(
            StoredItem,
            "select tenant_id, order_id, line, sku, name, quantity, unit_price
            from order_items
            where (tenant_id, order_id) > ($1, $2) and (tenant_id, order_id) <= ($3, $4)
            order by tenant_id, order_id, line",
            after.0,
            after.1,
            until.0,
            until.1
        )
        .fetch(&mut *self.connection);
        while let Some(item) = rows.try_next().await? {
            items.entry((item.tenant_id.clone(), item.order_id)).or_default().push(item);
        }
        Ok(items)
    }

    /// Folds the events of a page of orders, one by one as they come.
    async fn fold(
        &mut self,
        page: Vec<StoredOrder>,
        mut items: HashMap<Key, Vec<StoredItem>>,
        after: &Key,
        until: &Key,
    ) -> Result<(), VerifyError> {
        let mut stored: HashMap<Key, StoredOrder> =
            page.into_iter().map(|order| ((order.tenant_id.clone(), order.order_id), order)).collect();
        let mut folding: Option<Folding> = None;
        let Self { connection, report, .. } = self;
        let mut rows = query_as!(
            LogRow,
            r#"select position, tenant_id, event_id, order_id, version, type as event_type, payload::text as "payload!", occurred_at
            from order_events
            where (tenant_id, order_id) > ($1, $2) and (tenant_id, order_id) <= ($3, $4)
            order by tenant_id, order_id, version"#,
            after.0,
            after.1,
            until.0,
            until.1
        )
        .fetch(&mut **connection);
        loop {
            let row = rows.try_next().await?;
            let ended = folding.take_if(|folding| row.as_ref().is_none_or(|row| !folding.is_of(row)));
            if let Some(folded) = ended {
                let order = stored.remove(&folded.key);
                let lines = items.remove(&folded.key).unwrap_or_default();
                compare(report, folded, order, lines);
            }
            let Some(row) = row else { break };
            folding.get_or_insert_with(|| Folding::begin(&row)).take_in(row, report);
        }
        for order in stored.into_values() {
            report.find(Finding::NoEvents { tenant: order.tenant_id, order_id: order.order_id });
        }
        Ok(())
    }

    fn tell(&mut self, say: impl FnOnce(&VerifyReport) -> String) {
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            (self.progress)(&say(&self.report));
        }
    }
}

/// One order on its way through its events.
struct Folding {
    key: Key,
    replay: Replay,
    position: i64,
    /// Its first events are no longer kept, or an event could not be folded, which was told.
    given_up: bool,
}

impl Folding {
    fn begin(first: &LogRow) -> Self {
        let key = (first.tenant_id.clone(), first.order_id);
        Self { key, replay: Replay::default(), position: 0, given_up: false }
    }

    fn is_of(&self, row: &LogRow) -> bool {
        self.key.1 == row.order_id && self.key.0 == row.tenant_id
    }

    fn take_in(&mut self, row: LogRow, report: &mut VerifyReport) {
        let (tenant, order_id) = self.key.clone();
        if row.position <= self.position {
            let (position, before) = (row.position, self.position);
            report.find(Finding::OutOfOrder { tenant: tenant.clone(), order_id, position, before });
        }
        if self.position == 0 && row.version > 1 && report.first_position > 1 {
            report.retired += 1;
            self.given_up = true;
        }
        self.position = row.position;
        if self.given_up {
            return;
        }
        let version = row.version;
        let folded = row.into_event().map_err(reason);
        let folded = folded.and_then(|event| self.replay.apply(&event).map_err(|error| error.to_string()));
        if let Err(reason) = folded {
            self.given_up = true;
            report.find(Finding::NotReplayed { tenant, order_id, version, reason });
        }
    }
}

/// The fold of an order's events, held against its rows to the last field.
fn compare(report: &mut VerifyReport, folded: Folding, order: Option<StoredOrder>, lines: Vec<StoredItem>) {
    let (tenant, order_id) = folded.key;
    let Some(order) = order else {
        report.find(Finding::NoOrder { tenant, order_id });
        return;
    };
    if folded.given_up {
        return;
    }
    let Ok(expected) = folded.replay.finish() else { return };
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

/// What is wrong with a row.
fn reason(error: RepoError) -> String {
    match error {
        RepoError::Backend(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

fn differing(stored: &OrderState, folded: &OrderState) -> Vec<&'static str> {
    let OrderState { order_id, customer_id, status, currency, lines, last_line, version, created_at, updated_at } =
        stored;
    let fields = [
        ("order_id", *order_id == folded.order_id),
        ("customer_id", *customer_id == folded.customer_id),
        ("status", *status == folded.status),
        ("currency", *currency == folded.currency),
        ("the items", *lines == folded.lines),
        ("last_line", *last_line == folded.last_line),
        ("version", *version == folded.version),
        ("created_at", *created_at == folded.created_at),
        ("updated_at", *updated_at == folded.updated_at),
    ];
    fields.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
}
