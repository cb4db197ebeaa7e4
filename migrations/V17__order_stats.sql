-- A read model of the event log: how many orders there are, with how many units and which amounts, by when they were created and
-- by their status. Its cursor is the row `order_stats` of sink_cursors, and moves in the transaction that changes these rows.

create table order_stats (
    tenant_id text           not null,
    -- The begin of the quarter of an hour in which the orders were created. Days of every time zone are made of these.
    quarter   timestamptz    not null,
    status    text           not null,
    currency  text           not null,
    orders    bigint         not null,
    units     bigint         not null,
    amount    numeric(28, 4) not null,
    constraint order_stats_pkey primary key (tenant_id, quarter, status, currency)
) with (fillfactor = 50);
