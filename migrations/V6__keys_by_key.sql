-- migrate:no-transaction
create unique index concurrently if not exists idempotency_keys_by_key on idempotency_keys (key, caller, tenant_id, item);
