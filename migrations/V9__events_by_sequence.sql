-- migrate:no-transaction
create unique index concurrently if not exists order_events_by_sequence on order_events (tenant_id, (coalesce(sequence, position)));
