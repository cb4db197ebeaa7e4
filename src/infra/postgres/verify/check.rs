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
    infra::postgres::{
        migrate::SCHEMA_VERSION,
        rows::{LogRow, StoredItem, StoredOrder},
    },
};

use super::report::{Finding, VerifyReport};

/// How many orders are held at a time: of an order no more than its lines is.
const PAGE: i64 = 500;

/// How many events one statement counts.
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
    let options = options.clone().options(patient).log_slow_statements(log::LevelFilter::Off, Duration::ZERO);
    let mut connection = options.connect().await.map_err(VerifyError::Connect)?;
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
    let progress = Progress { tell: progress, told: Instant::now() };
    let mut audit = Audit { connection: &mut transaction, report: VerifyReport::default(), progress };
    audit.positions().await?;
    audit.orders().await?;
    let report = audit.report;
    transaction.rollback().await?;
    Ok(report)
}

struct Audit<'c, F> {
    connection: &'c mut PgConnection,
    report: VerifyReport,
    progress: Progress<F>,
}

/// Says now and then how far it is.
struct Progress<F> {
    tell: F,
    told: Instant,
}

impl<F: FnMut(&str)> Progress<F> {
    fn at(&mut self, place: impl FnOnce() -> String) {
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            (self.tell)(&place());
        }
    }
}

/// Where an order is in the order of the index.
type Key = (String, Uuid);

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Every position behind those that were retired is there, up to the head.
    async fn positions(&mut self) -> Result<(), VerifyError> {
        let heads = query!("select position, retired_to from event_head").fetch_all(&mut *self.connection).await?;
        let [head] = &heads[..] else {
            self.report.find(Finding::Heads(heads.len()));
            return Ok(());
        };
        self.report.retired_to = head.retired_to;
        self.report.head = head.position;
        let mut checked = head.retired_to;
        loop {
            let chunk = query!(
                r#"select count(*) as "events!", max(position) as last
                from (select position from order_events where position > $1 order by position limit $2) as chunk"#,
                checked,
                POSITIONS
            );
            let chunk = chunk.fetch_one(&mut *self.connection).await?;
            let Some(last) = chunk.last else { break };
            self.report.events += chunk.events.cast_unsigned();
            if last - checked != chunk.events {
                self.holes(checked, last).await?;
            }
            self.progress.at(|| format!("positions: {last} of {}", head.position));
            checked = last;
        }
        if checked > head.position {
            self.report.find(Finding::BeyondTheHead { head: head.position, last: checked });
        } else if checked < head.position {
            self.report.find(Finding::Hole { first: checked + 1, last: head.position });
        }
        Ok(())
    }

    /// The holes behind one position and before another that is there.
    async fn holes(&mut self, behind: i64, before: i64) -> Result<(), VerifyError> {
        let mut holes = query!(
            r#"select position + 1 as "first!", next - 1 as "last!"
            from (
                select position, lead(position) over (order by position) as next
                from (
                    select $1::bigint as position
                    union all select position from order_events where position > $1 and position <= $2
                ) as positions
            ) as neighbours
            where next - position > 1
            order by position"#,
            behind,
            before
        )
        .fetch(&mut *self.connection);
        while let Some(hole) = holes.try_next().await? {
            self.report.find(Finding::Hole { first: hole.first, last: hole.last });
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
            self.progress.at(|| format!("orders: {} of {all}", self.report.orders));
            after = until;
        }
        let mut strays = query!(
            "select distinct tenant_id, order_id from order_events where (tenant_id, order_id) > ($1, $2)",
            after.0,
            after.1
        )
        .fetch(&mut *self.connection);
        while let Some(stray) = strays.try_next().await? {
            self.report.find(Finding::NoOrder { tenant: stray.tenant_id, order_id: stray.order_id });
            self.progress.at(|| format!("events without an order: {}", self.report.found));
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
        let Self { connection, report, progress } = self;
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
            progress.at(|| format!("orders: {}, and now the events up to position {}", report.orders, row.position));
            folding.get_or_insert_with(|| Folding::begin(&row)).take_in(row, report);
        }
        for order in stored.into_values() {
            if report.retired_to > 0 {
                report.retired += 1;
            } else {
                report.find(Finding::NoEvents { tenant: order.tenant_id, order_id: order.order_id });
            }
        }
        Ok(())
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
        if self.position == 0 && row.version > 1 && report.retired_to > 0 {
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
