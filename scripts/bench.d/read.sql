-- Reads an order by its primary key. The statement of the service also joins the items.
\set n random(1, 10000)
select * from orders
where tenant_id = 'pgbench' and order_id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid;
