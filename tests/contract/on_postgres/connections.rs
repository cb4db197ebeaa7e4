//! Connections that come back to their pool whatever was dropped.

use std::{future::poll_fn, pin::pin, task::Poll};

use orders::{
    app::{IdempotencyKeys, Lock, UnitOfWork},
    infra::PgStore,
};
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
    query_scalar,
};
use time::Duration;

use crate::{
    setup::{id, order_with_lines, save, tenant},
    support::{Database, StoreBuilder, eventually},
};

use super::proxy::Proxy;

/// A store whose server does not end an idle transaction by itself, which would hide one that was left open.
fn store_without_idle_timeout(options: PgConnectOptions) -> PgStore {
    StoreBuilder::new(options).max_connections(4).session_setting("idle_in_transaction_session_timeout", "0").build()
}

/// How many other sessions of this database are in this state.
async fn sessions(observer: &mut PgConnection, state: &str) -> i64 {
    let counted = "select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = $1";
    query_scalar(counted).bind(state).fetch_one(observer).await.unwrap()
}

async fn no_transaction_stays_open(observer: &mut PgConnection) {
    eventually("no session is in a transaction", async || {
        let open = sessions(observer, "idle in transaction").await + sessions(observer, "active").await;
        (open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locking_read_that_is_dropped_during_its_begin_leaves_no_transaction_open() {
    let database = Database::new().await;
    let proxy = Proxy::withholding("BEGIN", &database);
    let store = store_without_idle_timeout(proxy.options(&database));
    let mut observer = database.connect().await;
    // Opens the only connection for row locks, so that the read below begins its transaction on it.
    store.forget(Duration::days(1), 1).await.unwrap();
    let mut uow = store.begin(&tenant("default"), None);
    let begun = async {
        proxy.withheld().await;
        eventually("the server has begun the transaction", async || {
            (sessions(&mut observer, "idle in transaction").await > 0).then_some(())
        })
        .await;
    };
    tokio::select! {
        () = begun => {}
        read = uow.find(id(1), Lock::Write) => panic!("the read went on without the answer to BEGIN: {read:?}"),
    }
    // The read was dropped: nobody waits for the answer to its BEGIN.
    drop(uow);
    no_transaction_stays_open(&mut observer).await;
    proxy.release();
    // The next connection works.
    store.forget(Duration::days(1), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locking_read_that_is_dropped_at_any_point_leaves_no_transaction_open_and_no_order_locked() {
    let database = Database::new().await;
    let store = store_without_idle_timeout(database.options.clone());
    let mut observer = database.connect().await;
    save(&store, &tenant("default"), order_with_lines(1, 0)).await.unwrap();
    store.forget(Duration::days(1), 1).await.unwrap();
    for polls in 1..=12 {
        let mut uow = store.begin(&tenant("default"), None);
        dropped_after(polls, uow.find(id(1), Lock::Write)).await;
        drop(uow);
        no_transaction_stays_open(&mut observer).await;
        sqlx::raw_sql("select version from orders for update nowait").execute(&mut observer).await.unwrap();
    }
}

/// Polls the future until it is ready, at most so many times, and drops it.
async fn dropped_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Pending if polled < polls => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

/// Cargo.toml enables TLS by a feature that sqlx does not promise to keep. Without it sqlx asks no server for TLS.
#[tokio::test]
async fn a_connection_that_requires_tls_asks_the_server_for_it() {
    let database = Database::new().await;
    let error = database.options.clone().ssl_mode(PgSslMode::Require).connect().await.unwrap_err();
    assert!(error.to_string().contains("server does not support TLS"), "{error}");
}
