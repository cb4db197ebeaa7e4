-- The keys that callers authenticate with. Of a secret only its SHA-256 is stored.

create table api_keys (
    tenant_id      text        not null,
    key_id         text        not null,
    name           text        not null,
    scopes         text[]      not null,
    -- The only customer whose orders the callers see. Null for all customers of the tenant.
    customer_id    text,
    secret_hash    bytea       not null,
    -- The secret before the last rotation, and until when it is valid.
    previous_hash  bytea,
    previous_until timestamptz,
    created_at     timestamptz not null default now(),
    expires_at     timestamptz,
    revoked_at     timestamptz,
    last_used_at   timestamptz,
    constraint api_keys_pkey primary key (tenant_id, key_id),
    -- A caller names the key only.
    constraint api_keys_key_id_key unique (key_id),
    constraint api_keys_tenant_id_check
        check (octet_length(tenant_id) between 1 and 64 and tenant_id !~ '[^a-z0-9_-]'),
    constraint api_keys_key_id_check check (octet_length(key_id) = 16 and key_id !~ '[^0-9a-f]'),
    constraint api_keys_name_check check (char_length(name) between 1 and 64),
    constraint api_keys_customer_id_check check (char_length(customer_id) between 1 and 64),
    constraint api_keys_secret_hash_check check (octet_length(secret_hash) = 32),
    constraint api_keys_previous_hash_check check (octet_length(previous_hash) = 32),
    constraint api_keys_previous_check check ((previous_hash is null) = (previous_until is null))
);
