-- What a newer release of the service does: an event of a type that this release does not know, for every order.
with changed as (
    update orders set version = version + 1
    returning tenant_id, order_id, version, updated_at
), head as (
    update event_head set position = position + (select count(*) from changed)
    returning position - (select count(*) from changed) as base
)
insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select base + row_number() over (order by order_id), gen_random_uuid(), tenant_id, order_id, version,
    'order.noted.v1', '{"note": "too small"}', updated_at
from changed, head;
