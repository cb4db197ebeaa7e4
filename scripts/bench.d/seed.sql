-- The orders for read.sql.
insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount, last_line,
    version, created_at, updated_at)
select 'pgbench', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench-' || n % 1000, 'open', 'EUR', 0, 0, 0,
    0, 1, now(), now()
from generate_series(1, 10000) as n;

-- The positions for single.sql. They are far above those of the service, which are dense, so that its readers ignore them.
create sequence bench_position start 1000000000000000;

-- Otherwise autovacuum does it during a measurement.
vacuum analyze orders;
