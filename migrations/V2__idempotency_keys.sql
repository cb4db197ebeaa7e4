-- What requests with an Idempotency-Key led to: written in the transaction of the change, kept for a day.

create table idempotency_keys (
    tenant_id   text        not null,
    caller      text        not null,
    key         text        not null,
    -- Which order of a batch; 0 where the request is about one.
    item        integer     not null,
    -- SHA-256 of the request: its method, path and body.
    fingerprint bytea       not null,
    order_id    uuid        not null,
    -- The answer is rebuilt as of this version.
    version     integer     not null,
    created_at  timestamptz not null,
    constraint idempotency_keys_pkey primary key (tenant_id, caller, key, item),
    constraint idempotency_keys_key_check check (char_length(key) between 1 and 255),
    constraint idempotency_keys_item_check check (item >= 0),
    constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32),
    constraint idempotency_keys_version_check check (version >= 1)
);

create index idempotency_keys_by_age on idempotency_keys (created_at);
