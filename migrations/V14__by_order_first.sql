-- Ids of orders grow with time. An index that has them first grows at its end, however many tenants there are; one that has the
-- tenant first grows in the middle, once for each tenant.

-- Where the building of V12 or V13 was broken off, it left an index that is not valid.
do $$
begin
    if exists (select from pg_index where indexrelid = 'order_events_by_order'::regclass and not indisvalid) then
        drop index order_events_by_order;
        create unique index order_events_by_order on order_events (order_id, tenant_id, version);
    end if;
    if exists (select from pg_index where indexrelid = 'order_items_by_order'::regclass and not indisvalid) then
        drop index order_items_by_order;
        create unique index order_items_by_order on order_items (order_id, tenant_id, line);
    end if;
end
$$;

alter table order_events
    drop constraint order_events_version_key,
    add constraint order_events_version_key unique using index order_events_by_order;
alter table order_items
    drop constraint order_items_pkey,
    add constraint order_items_pkey primary key using index order_items_by_order;
