//! The log in PostgreSQL: its positions have no holes and are in the order of the commits.

use orders::app::UnitOfWork;
use sqlx::{query_as, query_scalar};

use super::{order_with_lines, save, support::Database, tenant};

#[tokio::test]
async fn every_event_of_an_order_is_in_the_log_once_with_dense_positions() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    // What is rolled back leaves no hole.
    let mut uow = store.begin(&tenant("default")).await.unwrap();
    uow.save(order_with_lines(9, 2)).await.unwrap();
    drop(uow);
    save(&store, &tenant("default"), order_with_lines(4, 0)).await.unwrap();

    let mut connection = database.connect().await;
    let log: Vec<(i64, i32, String)> = query_as("select position, version, type from order_events order by position")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let positions: Vec<i64> = log.iter().map(|(position, ..)| *position).collect();
    assert_eq!(positions, (1..=10).collect::<Vec<i64>>());
    let (_, versions, types): (Vec<i64>, Vec<i32>, Vec<String>) =
        log.into_iter().fold((vec![], vec![], vec![]), |mut all, (position, version, kind)| {
            all.0.push(position);
            all.1.push(version);
            all.2.push(kind);
            all
        });
    assert_eq!(versions, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
    assert_eq!(types[..3], ["order.created.v1", "order.item_added.v1", "order.item_added.v1"]);
}

#[tokio::test]
async fn an_order_of_two_hundred_lines_is_written_in_as_many_statements_as_one_of_two() {
    let database = Database::new().await;
    let store = database.store();
    let mut observer = database.connect().await;
    let mut written = Vec::new();
    for (n, lines) in [(1, 2), (2, 200)] {
        // A trigger for each statement tells what a unit of work sent.
        sqlx::raw_sql(COUNT_STATEMENTS).execute(&mut observer).await.unwrap();
        save(&store, &tenant("default"), order_with_lines(n, lines)).await.unwrap();
        let count: i64 = query_scalar("select count(*) from statements").fetch_one(&mut observer).await.unwrap();
        written.push(count);
    }
    // Orders, items, events, head.
    assert_eq!(written, [4, 4]);
}

const COUNT_STATEMENTS: &str = "
    create table if not exists statements (name text);
    truncate statements;
    create or replace function count_statement() returns trigger language plpgsql as
        'begin insert into statements values (tg_table_name); return null; end';
    drop trigger if exists counted on orders;
    create trigger counted after insert or update on orders execute function count_statement();
    drop trigger if exists counted on order_items;
    create trigger counted after insert or update on order_items execute function count_statement();
    drop trigger if exists counted on order_events;
    create trigger counted after insert or update on order_events execute function count_statement();
    drop trigger if exists counted on event_head;
    create trigger counted after insert or update on event_head execute function count_statement();";
