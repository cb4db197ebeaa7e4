-- The best that a writer of one order after the other gets to: the order and its event in one statement, and a position that nobody
-- waits for. Such positions are not in the order of the commits and can have holes, so the service could not do with them.
\set n random(1, 1000)
with created as (
    insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
        version, created_at, updated_at)
    values ('pgbench', gen_random_uuid(), 'bench-' || :n::text, 'open', 'EUR', 0, 0, 0, 0, 1, now(), now())
    returning order_id
)
insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select nextval('bench_position'), gen_random_uuid(), 'pgbench', order_id, 1, 'order.created.v1',
    jsonb_build_object('customer_id', 'bench-' || :n::text, 'currency', 'EUR'), now()
from created;
