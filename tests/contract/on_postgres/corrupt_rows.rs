//! Rows that no release writes.

use orders::app::{EventFilter, EventLog, OrderQueries, RepoError};
use sqlx::AssertSqlSafe;

use crate::{
    setup::{id, order_with_lines, save, tenant},
    support::Database,
};

#[tokio::test]
async fn an_event_without_one_of_its_columns_is_an_error_and_not_skipped() {
    for column in ["tenant_id", "event_id", "order_id", "version", "type", "payload", "occurred_at"] {
        let database = Database::new().await;
        let store = database.store();
        save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
        let damage = format!(
            "alter table order_events drop constraint order_events_version_key, alter column {column} drop not null;
            update order_events set {column} = null where position = 1"
        );
        sqlx::raw_sql(AssertSqlSafe(damage)).execute(&mut database.connect().await).await.unwrap();
        let slice = store.slice(&EventFilter::default(), 0, 10, 10).await;
        assert!(matches!(slice, Err(RepoError::Backend(_))), "{column}: {slice:?}");
    }
}

#[tokio::test]
async fn a_line_without_one_of_its_columns_is_an_error_and_not_skipped() {
    for column in ["sku", "name", "quantity", "unit_price"] {
        let database = Database::new().await;
        let store = database.store();
        save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
        let damage = format!(
            "alter table order_items alter column {column} drop not null; update order_items set {column} = null"
        );
        sqlx::raw_sql(AssertSqlSafe(damage)).execute(&mut database.connect().await).await.unwrap();
        let order = store.order(&tenant("default"), id(1)).await;
        assert!(matches!(order, Err(RepoError::Backend(_))), "{column}: {order:?}");
    }
}
