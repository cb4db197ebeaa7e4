-- Stores 50,000 orders of three items, one for each second, with the six events of each. The ids begin with the time, like those
-- of the service.
create temporary table stored as
select
    n,
    at,
    (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7000a000' || lpad(to_hex(n), 12, '0'))::uuid as order_id
from generate_series(1, 50000) as n, lateral (select timestamptz '2026-01-31 12:00:00+00' + n * interval '1 second' as at) as o;

create temporary table product (line integer, sku text, name text, price numeric(18, 2));
insert into product values (1, 'LAPTOP123', 'Laptop', 999.99), (2, 'MOUSE456', 'Mouse', 29.99),
    (3, 'PSU750WGOLD', 'Power supply 750 W Gold', 119.99);

insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
select 'default', order_id, 'customer-' || n % 1000, 'placed', 'EUR', 3, 4, (select sum(price) from product) + 29.99, 3, 6, at,
    at + interval '5 milliseconds'
from stored;

insert into order_items (tenant_id, order_id, line, sku, name, quantity, unit_price)
select 'default', order_id, line, sku, name, case line when 2 then 2 else 1 end, price from stored, product;

insert into order_events (position, sequence, event_id, tenant_id, order_id, version, type, payload, occurred_at)
select
    (n - 1) * 6 + version,
    (n - 1) * 6 + version,
    (lpad(to_hex((extract(epoch from at) * 1000)::bigint + version), 12, '0') || '7000b' || lpad(version::text, 3, '0')
        || lpad(to_hex(n), 12, '0'))::uuid,
    'default', order_id, version, type, payload, at + (version - 1) * interval '1 millisecond'
from stored, lateral (
    select 1, 'order.created.v1', jsonb_build_object('customer_id', 'customer-' || n % 1000, 'currency', 'EUR')
    union all
    select 1 + line, 'order.item_added.v1', jsonb_build_object('line', line, 'sku', sku, 'name', name, 'quantity', 1,
        'price', price::text, 'currency', 'EUR')
    from product
    union all
    select 5, 'order.quantity_changed.v1', jsonb_build_object('line', 2, 'quantity', 2)
    union all
    select 6, 'order.placed.v1', '{}'
) as fact (version, type, payload)
order by 1;

update event_head set position = (select max(position) from order_events);
insert into tenant_heads (tenant_id, sequence) select 'default', position from event_head;

-- Otherwise autovacuum does it during a measurement.
vacuum analyze orders, order_items, order_events;
