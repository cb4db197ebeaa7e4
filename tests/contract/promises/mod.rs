//! What every store promises. Each promise is tested on memory and on PostgreSQL.

mod concurrency;
mod event_log;
mod following;
mod keys;
mod lists;
mod orders;
mod relay;
mod tenants;

/// Makes two tests of each promise: `in_memory::` and `on_postgres::`.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $promise() { super::$promise(orders::infra::MemoryStore::default()).await })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $promise() {
                super::$promise(crate::support::Database::new().await.store()).await
            })+
        }
    };
}
use promises;
