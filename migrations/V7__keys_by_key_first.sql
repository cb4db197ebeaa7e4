-- Keys differ in the key: an index that has it first compares one column on its way where the other one compared three.

-- Where the building of V6 was broken off, it left an index that is not valid.
do $$
begin
    if exists (select from pg_index where indexrelid = 'idempotency_keys_by_key'::regclass and not indisvalid) then
        drop index idempotency_keys_by_key;
        create unique index idempotency_keys_by_key on idempotency_keys (key, caller, tenant_id, item);
    end if;
end
$$;

alter table idempotency_keys
    drop constraint idempotency_keys_pkey,
    add constraint idempotency_keys_pkey primary key using index idempotency_keys_by_key;
