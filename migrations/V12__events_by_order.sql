-- migrate:no-transaction
create unique index concurrently if not exists order_events_by_order on order_events (order_id, tenant_id, version);
