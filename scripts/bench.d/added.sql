-- Checks the orders of :customer after the load added items. Returns the number of lines, and the number of orders whose lines,
-- events and counts differ. They would differ if one change had overwritten another.
with lines as (
    select order_id, count(*) as count, min(line) as first, max(line) as last
    from order_items join orders using (tenant_id, order_id)
    where tenant_id = 'default' and customer_id = :'customer'
    group by order_id
), events as (
    select order_id, count(*) as count, min(order_events.version) as first, max(order_events.version) as last
    from order_events join orders using (tenant_id, order_id)
    where tenant_id = 'default' and customer_id = :'customer'
    group by order_id
)
select
    coalesce(sum(lines.count), 0),
    count(*) filter (where (
        (items_count, units_count, last_line) = (coalesce(lines.count, 0), coalesce(lines.count, 0), coalesce(lines.count, 0))
        and coalesce((lines.first, lines.last) = (1, lines.count), true)
        and version = items_count + 1
        and (events.count, events.first, events.last) = (version, 1, version)
    ) is not true)
from orders
left join lines using (order_id)
left join events using (order_id)
where tenant_id = 'default' and customer_id = :'customer';
