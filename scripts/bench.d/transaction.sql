-- An order, its event and the update of the head: one transaction of several statements.
\set n random(1, 1000)
begin;
insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
values ('pgbench', gen_random_uuid(), 'bench-' || :n::text, 'open', 'EUR', 0, 0, 0, 0, 1, now(), now())
returning order_id \gset
with head as (
    update event_head set position = position + 1 returning position
)
insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select head.position, head.position, gen_random_uuid(), 'pgbench', :order_id::uuid, 1, 'order.created.v1',
    jsonb_build_object('customer_id', 'bench-' || :n::text, 'currency', 'EUR'), now()
from head;
commit;
