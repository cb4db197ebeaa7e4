-- Stores a million orders of a hundred customers, one for each second, two thirds of them open. The ids begin with the time, like
-- those of the service.
insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
select
    'default',
    (lpad(to_hex((extract(epoch from o.at) * 1000)::bigint), 12, '0') || '7000a000' || lpad(to_hex(o.n), 12, '0'))::uuid,
    'customer-' || o.n % 100,
    case when o.n % 3 = 0 then 'placed' else 'open' end,
    'EUR', 0, 0, 0, 0, 1, o.at, o.at
from (
    select n, timestamptz '2026-01-31 12:00:00+00' + n * interval '1 second' as at from generate_series(1, 1000000) as n
) as o;

vacuum analyze orders;
