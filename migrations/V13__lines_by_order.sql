-- migrate:no-transaction
create unique index concurrently if not exists order_items_by_order on order_items (order_id, tenant_id, line);
