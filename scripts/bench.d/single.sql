-- The upper bound for a writer of single orders: the order and its event in one statement, with a position that needs no lock.
-- Such positions are not in commit order and can have gaps, so the service cannot use them.
\set n random(1, 1000)
with created as (
    insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
        version, created_at, updated_at)
    values ('pgbench', gen_random_uuid(), 'bench-' || :n::text, 'open', 'EUR', 0, 0, 0, 0, 1, now(), now())
    returning order_id
)
insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select position, position, gen_random_uuid(), 'pgbench', order_id, 1, 'order.created.v1',
    jsonb_build_object('customer_id', 'bench-' || :n::text, 'currency', 'EUR'), now()
from created, (select nextval('bench_position') as position) as numbered;
