-- Stores :count orders of :customer without items, each with its event, and returns their ids. The load adds items to them.
begin;
create temporary table opened on commit drop as
select
    n,
    -- The ids begin with the time, like those of the service.
    (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7000a' || substr(md5(:'customer'), 1, 3)
        || lpad(to_hex(n), 12, '0'))::uuid as order_id
from generate_series(1, :count) as n;

insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
select 'default', order_id, :'customer', 'open', 'EUR', 0, 0, 0, 0, 1, now(), now() from opened;

with head as (
    update event_head set position = position + :count returning position - :count as position
)
insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select head.position + n, gen_random_uuid(), 'default', order_id, 1, 'order.created.v1',
    jsonb_build_object('customer_id', :'customer', 'currency', 'EUR'), now()
from head, opened;

select order_id from opened order by n;
commit;

-- Otherwise autovacuum does it during a measurement.
vacuum analyze orders, order_events;
