-- Orders, their items, and the log of what happened to them.
-- The checks repeat the domain's rules: a value that the domain refuses cannot be stored by any other way either.

create table orders (
    tenant_id    text           not null,
    order_id     uuid           not null,
    customer_id  text           not null,
    status       text           not null,
    currency     text           not null,
    items_count  integer        not null,
    units_count  integer        not null,
    total_amount numeric(18, 4) not null,
    -- The highest line number ever given: numbers are never given twice.
    last_line    integer        not null,
    -- The number of events so far; guards every update.
    version      integer        not null,
    created_at   timestamptz    not null,
    updated_at   timestamptz    not null,
    -- Read backwards, this is the keyset index of the list of all orders, newest first.
    constraint orders_pkey primary key (tenant_id, order_id),
    constraint orders_tenant_id_check check (tenant_id ~ '^[a-z0-9_-]{1,64}$'),
    constraint orders_customer_id_check check (char_length(customer_id) between 1 and 64),
    constraint orders_status_check check (status in ('open', 'placed', 'cancelled', 'fulfilled')),
    constraint orders_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint orders_items_count_check check (items_count between 0 and 200),
    constraint orders_units_count_check check (units_count between items_count and 999 * items_count),
    constraint orders_total_amount_check check (total_amount >= 0),
    constraint orders_last_line_check check (last_line >= items_count),
    constraint orders_version_check check (version >= 1)
);

-- The keyset indexes of the filtered lists. Ids sort by the time of creation, so a range of times is a range of each of these.
create index orders_by_customer on orders (tenant_id, customer_id, order_id);
create index orders_by_status on orders (tenant_id, status, order_id);
create index orders_by_customer_and_status on orders (tenant_id, customer_id, status, order_id);

create table order_items (
    tenant_id  text           not null,
    order_id   uuid           not null,
    line       integer        not null,
    sku        text           not null,
    name       text           not null,
    quantity   integer        not null,
    unit_price numeric(18, 4) not null,
    constraint order_items_pkey primary key (tenant_id, order_id, line),
    constraint order_items_order_fkey foreign key (tenant_id, order_id) references orders (tenant_id, order_id),
    constraint order_items_line_check check (line >= 1),
    constraint order_items_sku_check check (sku ~ '^[A-Z0-9]{8,12}$'),
    constraint order_items_name_check check (char_length(name) between 1 and 100),
    constraint order_items_quantity_check check (quantity between 1 and 999),
    constraint order_items_unit_price_check check (unit_price between 0 and 500000000)
);

-- Audit trail, event store and outbox in one. Append-only. Positions are dense and in the order of the commits.
create table order_events (
    position    bigint      not null,
    event_id    uuid        not null,
    tenant_id   text        not null,
    order_id    uuid        not null,
    version     integer     not null,
    type        text        not null,
    payload     jsonb       not null,
    occurred_at timestamptz not null,
    constraint order_events_pkey primary key (position),
    constraint order_events_event_id_key unique (event_id),
    constraint order_events_version_key unique (tenant_id, order_id, version),
    constraint order_events_position_check check (position >= 1),
    constraint order_events_version_check check (version >= 1)
);

-- One row: the last position that was given. A transaction takes its positions here, under the row's lock, as its last statement.
create table event_head (
    singleton boolean not null default true,
    position  bigint  not null,
    constraint event_head_pkey primary key (singleton),
    constraint event_head_singleton_check check (singleton),
    constraint event_head_position_check check (position >= 0)
);

insert into event_head (position) values (0);
