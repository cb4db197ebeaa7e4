//! What the database refuses while an operator changes it: the store is unavailable, says why, and goes on by itself.

use orders::{
    app::{EventLog, IdempotencyKeys, Lock, OrderFilter, OrderQueries, RepoError, UnitOfWork},
    infra::PgStore,
};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::{
    setup::{id, order_with_lines, save, tenant},
    support::{Database, StoreBuilder, eventually},
};

/// The errors of everything that the store can do. The order to create has this number.
async fn errors(store: &PgStore, number: u64) -> Vec<RepoError> {
    let tenant = &tenant("default");
    let done = [
        store.orders(tenant, &OrderFilter::default(), None, 10).await.map(drop),
        store.order(tenant, id(1)).await.map(drop),
        store.recall(tenant, "caller", "key").await.map(drop),
        store.bounds(None).await.map(drop),
        store.tail(number, 10).await.map(drop),
        store.forget(time::Duration::days(1), 1).await.map(drop),
        store.begin(tenant, None).find(id(1), Lock::Write).await.map(drop),
        save(store, tenant, order_with_lines(number, 1)).await,
        store.ready().await,
    ];
    done.into_iter().filter_map(Result::err).collect()
}

/// A database, and an operator who is connected to another one.
struct Operated {
    database: Database,
    operator: PgConnection,
}

impl Operated {
    async fn new() -> Self {
        let database = Database::new().await;
        let operator = database.options.clone().database("postgres").connect().await.unwrap();
        Self { database, operator }
    }

    async fn run(&mut self, statements: &str) {
        let ran = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.operator).await;
        ran.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Ends the sessions of the store.
    async fn end_sessions(&mut self) {
        let name = self.database.name.clone();
        eventually("no session is left", async || {
            let ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
            let ended = sqlx::query(ended).bind(&name).execute(&mut self.operator).await.unwrap();
            (ended.rows_affected() == 0).then_some(())
        })
        .await;
    }
}

/// Every error is temporary. From the second attempt on, each names this SQLSTATE: the first may find a lost connection.
async fn is_unavailable(store: &PgStore, code: &str) {
    errors(store, 2).await;
    let errors = errors(store, 3).await;
    assert_eq!(errors.len(), 9, "{errors:?}");
    for error in errors {
        let RepoError::Unavailable(cause) = &error else { panic!("{error:?}") };
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            text = text + ": " + &error.to_string();
            source = error.source();
        }
        assert!(text.contains(&format!("(SQLSTATE {code})")) && !text.contains(" at line "), "{text}");
    }
}

async fn works_again(store: &PgStore) {
    let mut number = 10;
    eventually("the store works", async || {
        number += 1;
        errors(store, number).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_gone_during_a_restore_make_the_store_unavailable() {
    let database = Database::new().await;
    let (store, mut inside) = (database.store(), database.connect().await);
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    sqlx::raw_sql("alter schema public rename to away").execute(&mut inside).await.unwrap();
    is_unavailable(&store, "42P01").await;
    sqlx::raw_sql("alter schema away rename to public").execute(&mut inside).await.unwrap();
    works_again(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_renamed_makes_the_store_unavailable() {
    let mut operated = Operated::new().await;
    let store = operated.database.store();
    let name = operated.database.name.clone();
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    operated.end_sessions().await;
    operated.run(&format!("alter database {name} rename to {name}_away")).await;
    is_unavailable(&store, "3D000").await;
    operated.run(&format!("alter database {name}_away rename to {name}")).await;
    works_again(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_makes_the_store_unavailable() {
    let mut operated = Operated::new().await;
    let role = format!("role_of_{}", operated.database.name);
    operated.run(&format!("create role {role} login superuser")).await;
    let store = StoreBuilder::new(operated.database.options.clone().username(&role)).build();
    save(&store, &tenant("default"), order_with_lines(1, 1)).await.unwrap();
    operated.run(&format!("alter role {role} nologin")).await;
    operated.end_sessions().await;
    is_unavailable(&store, "28000").await;
    operated.run(&format!("alter role {role} login")).await;
    works_again(&store).await;
}
