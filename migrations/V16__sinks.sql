-- Where each sink of the relay is in the event log, and which instance works it.

create table sink_cursors (
    name      text        not null,
    kind      text        not null,
    -- Every event up to this position is delivered.
    position  bigint      not null,
    paused    boolean     not null default false,
    moved_at  timestamptz not null default now(),
    -- Why the sink does not move, and since when.
    error     text,
    failed_at timestamptz,
    constraint sink_cursors_pkey primary key (name),
    constraint sink_cursors_name_check check (octet_length(name) between 1 and 64 and name !~ '[^a-z0-9_-]'),
    constraint sink_cursors_position_check check (position >= 0),
    constraint sink_cursors_error_check check ((error is null) = (failed_at is null))
) with (fillfactor = 50);

-- The right to move a cursor. The epoch grows with each holder and each move of the cursor by an operator, so that a holder
-- that wakes up late moves nothing.
create table relay_leases (
    name       text        not null,
    holder     text        not null,
    epoch      bigint      not null,
    expires_at timestamptz not null,
    constraint relay_leases_pkey primary key (name)
) with (fillfactor = 50);

-- The instances that run now, each with the sinks that it can work. The sinks are spread over them.
create table relay_members (
    instance   text        not null,
    sinks      text[]      not null,
    expires_at timestamptz not null,
    constraint relay_members_pkey primary key (instance)
) with (fillfactor = 50);

-- Which instance should work each sink: the sinks, by name, are dealt out to the instances that can work them, by name.
create view relay_assignments as
select name, instance
from (
    select s.name, m.instance, row_number() over (partition by s.name order by m.instance) - 1 as n,
        count(*) over (partition by s.name) as instances, dense_rank() over (order by s.name) as k
    from relay_members m
    cross join lateral unnest(m.sinks) as s(name)
    where m.expires_at > now()
) as candidates
where n = k % instances;
