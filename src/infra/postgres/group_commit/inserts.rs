use std::{collections::BTreeMap, ops::Range};

use sqlx::{PgConnection, query};

use crate::{
    app::{Cause, KeyRecord, RepoError, event_type},
    domain::{OrderState, TenantId},
    infra::postgres::{
        errors::{corrupt, repo_error},
        recent::StagedEvent,
    },
};

use super::{
    change_set::key_name,
    columns::{column, numbers},
    item_changes::Added,
};

/// The new rows of a batch.
pub(super) struct Inserts<'a> {
    pub(super) keys: Vec<Key<'a>>,
    pub(super) orders: Vec<(&'a TenantId, &'a OrderState)>,
    pub(super) lines: Vec<Added<'a>>,
    pub(super) events: Vec<StagedEvent<'a>>,
}

/// A key, and the index of its change set in the batch.
pub(super) struct Key<'a> {
    pub(super) set: usize,
    pub(super) tenant: &'a TenantId,
    pub(super) record: &'a KeyRecord,
}

pub(super) enum Inserted {
    /// The numbers of the events.
    At { positions: Range<u64>, sequences: Vec<u64> },
    /// Nothing is inserted: these change sets have a key that is taken.
    Taken(Vec<usize>),
}

impl Inserts<'_> {
    /// Inserts all rows in one statement, or none if a key is taken: by an earlier request, or by a different request with
    /// the same key. One statement, because every commit of the instance waits for each round trip. The statement locks
    /// the head last and the transaction commits next, so positions are dense and in commit order. A key that another
    /// transaction inserts at the same moment fails the statement: `on conflict do nothing` costs twice as much. Keys get
    /// the time of the database: the clocks of instances may differ.
    #[expect(clippy::too_many_lines, reason = "one statement")]
    pub(super) async fn insert(self, connection: &mut PgConnection) -> Result<Inserted, RepoError> {
        let Self { mut keys, orders, lines, events } = self;
        keys.sort_unstable_by_key(|key| key_name(key.tenant, key.record));
        let tenants = EventsByTenant::count(&events)?;
        let inserted = query!(
            r#"with taken as materialized (
                select k.n
                from (
                    select unnest($1::text[]) as tenant_id, unnest($2::text[]) as caller, unnest($3::text[]) as key,
                        unnest($4::int[]) as item, unnest($5::bytea[]) as fingerprint,
                        generate_subscripts($3::text[], 1) - 1 as n
                ) as k
                join idempotency_keys i on i.key = k.key and i.caller = k.caller and i.tenant_id = k.tenant_id
                    and (i.item = k.item or i.fingerprint <> k.fingerprint)
            ), kept as (
                insert into idempotency_keys (tenant_id, caller, key, item, fingerprint, order_id, version, created_at)
                select unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::int[]), unnest($5::bytea[]),
                    unnest($6::uuid[]), unnest($7::int[]), now()
                where not exists (select from taken)
                returning 1
            ), created as (
                insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount,
                    last_line, version, created_at, updated_at)
                select unnest($8::text[]), unnest($9::uuid[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
                    unnest($13::int[]), unnest($14::int[]), unnest($15::numeric[]), unnest($16::int[]), unnest($17::int[]),
                    unnest($18::timestamptz[]), unnest($19::timestamptz[])
                where not exists (select from taken)
                returning 1
            ), added as (
                insert into order_items (tenant_id, order_id, line, sku, name, quantity, unit_price)
                select unnest($20::text[]), unnest($21::uuid[]), unnest($22::int[]), unnest($23::text[]), unnest($24::text[]),
                    unnest($25::int[]), unnest($26::numeric[])
                where not exists (select from taken)
                returning 1
            ), head as (
                update event_head
                set position = position + cardinality($28::uuid[])
                -- The counts make this wait for the inserts.
                where (select count(*) from kept) + (select count(*) from created) + (select count(*) from added) >= 0
                    and not exists (select from taken)
                returning position - cardinality($28::uuid[]) as base
            ), heads as (
                -- Another instance may have inserted the tenant after this statement began: an update would not see it.
                insert into tenant_heads as t (tenant_id, sequence)
                select unnest($34::text[]), unnest($35::bigint[]) from head
                on conflict (tenant_id) do update set sequence = t.sequence + excluded.sequence
                returning t.tenant_id, t.sequence
            ), tenants as (
                select array_agg(sequence order by tenant_id collate "C") as last from heads
            ), appended as (
                insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload,
                    occurred_at, authtype, authid, traceparent)
                -- Subqueries instead of joins, which would copy every row once more.
                select (select base from head) + e.n,
                    (select last from tenants)[coalesce(e.tenant, 1)] - coalesce(e.behind, cardinality($28::uuid[]) - e.n),
                    e.event_id,
                    e.tenant_id, e.order_id, e.version, e.type, e.payload::jsonb, e.occurred_at, e.authtype, e.authid,
                    e.traceparent
                from (
                    select unnest($27::text[]) as tenant_id, unnest($28::uuid[]) as event_id, unnest($29::uuid[]) as order_id,
                        unnest($30::int[]) as version, unnest($31::text[]) as type, unnest($32::text[]) as payload,
                        unnest($33::timestamptz[]) as occurred_at, unnest($36::int[]) as tenant,
                        unnest($37::bigint[]) as behind, unnest($38::text[]) as authtype, unnest($39::text[]) as authid,
                        unnest($40::text[]) as traceparent,
                        generate_subscripts($28::uuid[], 1) as n
                ) as e
                where (select base from head) is not null
            )
            select (select base + 1 from head) as first, (select last from tenants) as last,
                array(select n from taken) as "taken!: Vec<i32>""#,
            &column(&keys, |key| key.tenant.as_str()) as &[&str],
            &column(&keys, |key| key.record.request.caller.as_str()) as &[&str],
            &column(&keys, |key| key.record.request.key.as_str()) as &[&str],
            &numbers(&keys, |key| key.record.outcome.batch_index)?,
            &column(&keys, |key| key.record.request.fingerprint.as_slice()) as &[&[u8]],
            &column(&keys, |key| key.record.outcome.order_id.as_uuid()),
            &numbers(&keys, |key| key.record.outcome.version)?,
            &column(&orders, |(tenant, _)| tenant.as_str()) as &[&str],
            &column(&orders, |(_, state)| state.order_id.as_uuid()),
            &column(&orders, |(_, state)| state.customer_id.as_str()) as &[&str],
            &column(&orders, |(_, state)| state.status.as_str()) as &[&str],
            &column(&orders, |(_, state)| state.currency.code()) as &[&str],
            &numbers(&orders, |(_, state)| state.items_count())?,
            &numbers(&orders, |(_, state)| state.units_count())?,
            &column(&orders, |(_, state)| state.total_amount().value()),
            &numbers(&orders, |(_, state)| state.last_line)?,
            &numbers(&orders, |(_, state)| state.version)?,
            &column(&orders, |(_, state)| state.created_at),
            &column(&orders, |(_, state)| state.updated_at),
            &column(&lines, |added| added.line.0) as &[&str],
            &column(&lines, |added| added.line.1),
            &numbers(&lines, |added| added.line.2)?,
            &column(&lines, |added| added.sku.as_str()) as &[&str],
            &column(&lines, |added| added.name.as_str()) as &[&str],
            &column(&lines, |added| i32::from(added.quantity.get())),
            &column(&lines, |added| added.unit_price.value()),
            &column(&events, |staged| staged.tenant.as_str()) as &[&str],
            &column(&events, |staged| staged.event.event_id),
            &column(&events, |staged| staged.event.order_id.as_uuid()),
            &numbers(&events, |staged| staged.event.version)?,
            &column(&events, |staged| event_type(&staged.event.kind)) as &[&str],
            &column(&events, |staged| staged.data) as &[&str],
            &column(&events, |staged| staged.event.occurred_at),
            &tenants.names as &[&str],
            &tenants.counts,
            &tenants.tenant_of,
            &tenants.behind,
            &causes(&events, |cause| cause.actor.as_ref().map(|actor| &*actor.authtype)) as &[Option<&str>],
            &causes(&events, |cause| cause.actor.as_ref().map(|actor| &*actor.authid)) as &[Option<&str>],
            &causes(&events, |cause| cause.traceparent.as_deref()) as &[Option<&str>],
        )
        .fetch_one(connection)
        .await
        .map_err(repo_error)?;
        let Some(first) = inserted.first else {
            if inserted.taken.is_empty() {
                return Err(RepoError::Backend("the event log has no head".into()));
            }
            let places = inserted.taken.into_iter().filter_map(|n| keys.get(usize::try_from(n).ok()?));
            return Ok(Inserted::Taken(places.map(|key| key.set).collect()));
        };
        let first = u64::try_from(first).map_err(corrupt)?;
        let positions = first..first + events.len() as u64;
        Ok(Inserted::At { positions, sequences: tenants.sequences(&inserted.last.unwrap_or_default())? })
    }
}

/// One column of the causes. Empty if no event has a value: the statement then reads nulls.
fn causes<'a>(events: &[StagedEvent<'a>], value: impl Fn(&'a Cause) -> Option<&'a str>) -> Vec<Option<&'a str>> {
    let values = column(events, |staged| value(staged.cause));
    if values.iter().any(Option::is_some) { values } else { Vec::new() }
}

/// Which events of a batch belong to which tenant: what the statement needs to number them.
struct EventsByTenant<'a> {
    /// Sorted.
    names: Vec<&'a str>,
    /// Of each tenant, the number of its events.
    counts: Vec<i64>,
    /// Of each event, the index of its tenant, from 1 as in PostgreSQL. Empty if all have the same.
    tenant_of: Vec<i32>,
    /// Of each event, how many later ones have the same tenant. Empty if all have the same.
    behind: Vec<i64>,
    events: usize,
}

impl<'a> EventsByTenant<'a> {
    fn count(events: &[StagedEvent<'a>]) -> Result<Self, RepoError> {
        let mut counts = BTreeMap::<&str, i64>::new();
        let mut behind = vec![0; events.len()];
        for (staged, behind) in events.iter().zip(&mut behind).rev() {
            let count = counts.entry(staged.tenant.as_str()).or_default();
            *behind = *count;
            *count += 1;
        }
        let names: Vec<&str> = counts.keys().copied().collect();
        let tenant_of = |staged: &StagedEvent<'_>| names.partition_point(|name| *name <= staged.tenant.as_str());
        let (tenant_of, behind) =
            if names.len() == 1 { (Vec::new(), Vec::new()) } else { (numbers(events, tenant_of)?, behind) };
        Ok(Self { names, counts: counts.into_values().collect(), tenant_of, behind, events: events.len() })
    }

    /// The sequence of each event, from the last one of each tenant.
    fn sequences(&self, last: &[i64]) -> Result<Vec<u64>, RepoError> {
        let number = |n: usize| {
            let tenant = self.tenant_of.get(n).map_or(Ok(0), |tenant| usize::try_from(*tenant - 1)).map_err(corrupt)?;
            let behind = self.behind.get(n).map_or_else(|| i64::try_from(self.events - 1 - n), |behind| Ok(*behind));
            let last = last.get(tenant).ok_or_else(|| RepoError::Backend("a tenant has no head".into()))?;
            u64::try_from(last - behind.map_err(corrupt)?).map_err(corrupt)
        };
        (0..self.events).map(number).collect()
    }
}
