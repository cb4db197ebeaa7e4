-- Stores :size orders of ten thousand customers, one for each second until now, each with the event of its creation.
begin;
-- A view, because a table would be written to disk as well. The ids begin with the time, like those of the service.
create temporary view stored as
select
    n,
    at,
    'customer-' || n % 10000 as customer_id,
    lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') as time,
    lpad(to_hex(n), 12, '0') as number
from (select n, now() - (:size - n) * interval '1 second' as at from generate_series(1, :size) as n) as o;

insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
select 'default', (time || '7000a000' || number)::uuid, customer_id, 'open', 'EUR', 0, 0, 0, 0, 1, at, at from stored;

insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select
    n, n, (time || '7000b000' || number)::uuid, 'default', (time || '7000a000' || number)::uuid, 1, 'order.created.v1',
    jsonb_build_object('customer_id', customer_id, 'currency', 'EUR'), at
from stored;

update event_head set position = :size;
insert into tenant_heads (tenant_id, sequence) values ('default', :size);
commit;

-- Otherwise both happen during a measurement.
vacuum analyze orders, order_events;
checkpoint;
