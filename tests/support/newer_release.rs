use sqlx::PgConnection;

/// The schema as a newer release migrates it: another status, and columns that this release does not know.
const MIGRATION: &str = "
    alter table orders drop constraint orders_status_check;
    alter table orders add constraint orders_status_check
        check (status in ('open', 'placed', 'cancelled', 'fulfilled', 'returned'));
    alter table orders add column note text not null default '';
    alter table order_items add column note text not null default '';
    alter table order_events add column author text";

/// What that release writes when an order is returned: a new status, with an event of a new type.
const RETURN_ORDERS: &str = "
    with changed as (
        update orders set status = 'returned', note = 'too small', version = version + 1
        returning tenant_id, order_id, version, updated_at
    ), head as (
        update event_head set position = position + (select count(*) from changed)
        returning position - (select count(*) from changed) as base
    )
    insert into order_events (position, event_id, tenant_id, order_id, version, type, payload, occurred_at, author)
    select base + row_number() over (order by order_id), gen_random_uuid(), tenant_id, order_id, version, 'order.returned.v1', '{\"because\": \"too small\"}', updated_at, 'me'
    from changed, head";

/// An instance of a newer release migrates the database.
pub(crate) async fn migrate_as_a_newer_release(connection: &mut PgConnection) {
    sqlx::raw_sql(MIGRATION).execute(connection).await.unwrap();
}

/// An instance of a newer release returns every order.
pub(crate) async fn return_every_order(connection: &mut PgConnection) {
    sqlx::raw_sql(RETURN_ORDERS).execute(connection).await.unwrap();
}
