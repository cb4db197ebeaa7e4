//! Positions are dense and in commit order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use orders::app::{EventFilter, EventLog, SubscribeEvents, SubscribeEventsRequest, TailEventLog, UnitOfWork};
use sqlx::{Connection, query_as, query_scalar};

use crate::{
    setup::{order_with_lines, read_on, save, soon, tenant},
    support::{Database, adapters::adapters},
    workload::{self, Shared},
};

use super::verify::verified;

#[tokio::test]
async fn every_event_is_in_the_event_log_once_with_dense_positions() {
    let database = Database::new().await;
    let store = database.store();
    for n in 1..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
    }
    // A roll-back leaves no gap.
    let mut uow = store.begin(&tenant("default"), None);
    uow.save(order_with_lines(9, 2)).unwrap();
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
async fn a_large_order_is_written_in_as_many_statements_as_a_small_one() {
    let database = Database::new().await;
    let store = database.store();
    let mut observer = database.connect().await;
    let mut written = Vec::new();
    for (n, lines) in [(1, 2), (2, 200)] {
        // A trigger counts the statements that change rows.
        sqlx::raw_sql(COUNT_STATEMENTS).execute(&mut observer).await.unwrap();
        save(&store, &tenant("default"), order_with_lines(n, lines)).await.unwrap();
        let count: i64 = query_scalar("select count(*) from statements").fetch_one(&mut observer).await.unwrap();
        written.push(count);
    }
    // Orders, items, events, head.
    assert_eq!(written, [4, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_32_writers_on_3_instances_no_reader_sees_a_gap_in_the_positions() {
    let database = Database::new().await;
    // Three instances write. A fourth one only reads, and no commit wakes it.
    let instances: Vec<_> = (0..3).map(|_| Arc::new(adapters(database.store()))).collect();
    let (reading, following) = (adapters(database.store()), instances[0].clone());
    let done = Arc::new(AtomicBool::new(false));
    let bus = tokio::spawn(async move { TailEventLog(&*following).run().await });
    let request = SubscribeEventsRequest { filter: EventFilter::default(), after: Some(0) };
    let mut stream = SubscribeEvents(&*instances[0]).execute(request).await.unwrap();

    let reader = tokio::spawn({
        let done = done.clone();
        async move {
            let (mut position, mut reads) = (0, 0);
            // The last read comes after the writers are done.
            while !done.load(Ordering::SeqCst) {
                read_on(&reading, &mut position).await;
                reads += 1;
            }
            read_on(&reading, &mut position).await;
            (position, reads)
        }
    });
    let orders = Arc::new(Shared::default());
    let writers = (0..32).map(|n| {
        let (ports, orders) = (instances[n % 3].clone(), orders.clone());
        tokio::spawn(async move { workload::write(&*ports, &orders, n as u64, 25).await })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    done.store(true, Ordering::SeqCst);

    let (position, reads) = reader.await.unwrap();
    let last = database.store().bounds(None).await.unwrap().last;
    assert_eq!(position, last);
    assert!(last > 400 && reads > 10, "{last} events, {reads} reads");
    for expected in 1..=last {
        assert_eq!(soon(stream.next()).await.unwrap().numbers.position, expected);
    }
    bus.abort();
    let report = verified(&database).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_unit_of_work_gets_its_positions_when_it_commits() {
    let database = Database::new().await;
    let store = database.store();
    let ports = adapters(database.store());
    let mut position = 0;
    let mut late = store.begin(&tenant("default"), None);
    late.save(order_with_lines(1, 2)).unwrap();
    for n in 2..=3 {
        save(&store, &tenant("default"), order_with_lines(n, 1)).await.unwrap();
        read_on(&ports, &mut position).await;
    }
    assert_eq!(position, 4);
    late.commit().await.unwrap();
    read_on(&ports, &mut position).await;
    assert_eq!(position, 7);
    assert!(verified(&database).await.is_clean());
}

#[tokio::test]
async fn a_long_transaction_in_another_database_delays_no_reader() {
    let (database, elsewhere) = (Database::new().await, Database::new().await);
    let mut other = elsewhere.connect().await;
    let mut long = other.begin().await.unwrap();
    // It has a transaction id, and is older than all transactions of the test.
    sqlx::raw_sql("create table long_running (n int)").execute(&mut *long).await.unwrap();
    let ports = adapters(database.store());
    let mut position = 0;
    for (n, expected) in [(1, 3), (2, 6)] {
        save(&ports.store, &tenant("default"), order_with_lines(n, 2)).await.unwrap();
        read_on(&ports, &mut position).await;
        assert_eq!(position, expected);
    }
    long.rollback().await.unwrap();
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
