-- Each tenant numbers its own events, and each event has its actor.
-- So far there is one tenant, so the sequence of an event is its position. Events from before keep a null for that: nothing is
-- rewritten.

-- First of all, so that no other transaction waits in between.
alter table order_events
    add column sequence bigint,
    -- Who did it (the Auth Context extension of CloudEvents). Null for nobody in particular.
    add column authtype text,
    add column authid text,
    add constraint order_events_sequence_check check (sequence >= 1) not valid,
    add constraint order_events_actor_check check ((authtype is null) = (authid is null)) not valid;

-- A row a tenant: the last sequence that was given. A transaction takes its sequences here, behind the lock of event_head.
create table tenant_heads (
    tenant_id text   not null,
    sequence  bigint not null,
    constraint tenant_heads_pkey primary key (tenant_id)
    -- No checks: each commit updates a row, and the table orders checks the names.
) with (fillfactor = 50);

insert into tenant_heads (tenant_id, sequence) select 'default', position from event_head where position > 0;

-- An instance of the previous release knows no sequences, and no tenant but this one: its events get them here. Its transaction
-- holds event_head by then. A default costs the others nothing, and a trigger would be asked for each row.
create function next_sequence_of_previous_release() returns bigint language sql volatile as
$$
    insert into tenant_heads as head (tenant_id, sequence) values ('default', 1)
    on conflict (tenant_id) do update set sequence = head.sequence + 1
    returning head.sequence
$$;

alter table order_events alter column sequence set default next_sequence_of_previous_release();
