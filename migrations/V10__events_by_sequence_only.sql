-- The index by sequence takes the place of the one by event id, which nothing looks up.

-- Where the building of V9 was broken off, it left an index that is not valid.
do $$
begin
    if exists (select from pg_index where indexrelid = 'order_events_by_sequence'::regclass and not indisvalid) then
        drop index order_events_by_sequence;
        create unique index order_events_by_sequence on order_events (tenant_id, (coalesce(sequence, position)));
    end if;
end
$$;

alter table order_events drop constraint order_events_event_id_key;
alter table order_events
    validate constraint order_events_sequence_check,
    validate constraint order_events_actor_check;
