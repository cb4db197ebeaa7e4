//! Sessions that fall silent: every statement ends at its deadline, and new connections take over at once.

use std::{fs, time::Duration};

use futures_util::{
    future::{BoxFuture, FutureExt, join_all},
    poll,
};
use orders::{
    app::{AsOf, EventFilter, EventLog, IdempotencyKeys, Lock, OrderFilter, OrderQueries, RepoError, UnitOfWork},
    infra::PgStore,
};
use sqlx::{ConnectOptions, Connection, PgConnection, query_scalar};

use crate::{
    setup::{id, order_with_lines, save, tenant},
    support::{Database, StoreBuilder, eventually, network::Network},
};

/// PostgreSQL cancels a statement after 10 s. The service waits a little longer than that.
const DEADLINE: Duration = Duration::from_secs(13);

/// The service promises 2 s, and a busy machine needs longer. What waits for a silent connection takes 11 s.
const RECOVERY: Duration = Duration::from_secs(8);

/// Something that the store does with one of its connections.
type Work = fn(PgStore) -> BoxFuture<'static, Result<(), RepoError>>;

const WORK: [(&str, Work); 11] = [
    ("a list", |store| {
        async move { store.orders(&default(), &OrderFilter::default(), None, 10).await.map(drop) }.boxed()
    }),
    ("a count", |store| async move { store.count(&default(), &OrderFilter::default()).await.map(drop) }.boxed()),
    ("a past state", |store| {
        async move { store.order_as_of(&default(), id(1), AsOf::Version(1)).await.map(drop) }.boxed()
    }),
    ("a history", |store| async move { store.history(&default(), id(1), 0, 10).await.map(drop) }.boxed()),
    ("the feed", |store| async move { store.slice(&EventFilter::default(), 0, 100, 10).await.map(drop) }.boxed()),
    ("the bounds", |store| async move { store.bounds(None).await.map(drop) }.boxed()),
    ("the tail", |store| async move { store.tail(1, 10).await.map(drop) }.boxed()),
    ("an order", |store| async move { store.order(&default(), id(1)).await.map(drop) }.boxed()),
    ("a key", |store| async move { store.recall(&default(), "caller", "key").await.map(drop) }.boxed()),
    ("the sweep", |store| async move { store.forget(time::Duration::days(1), 1).await.map(drop) }.boxed()),
    // No row has this id, so the silent session locks none.
    ("a locking transaction", |store| {
        async move { store.begin(&default(), None).find(id(2), Lock::Write).await.map(drop) }.boxed()
    }),
];

fn default() -> orders::domain::TenantId {
    tenant("default")
}

fn store(network: &Network) -> PgStore {
    StoreBuilder::new(network.options()).max_connections(4).acquire_timeout(Duration::from_secs(1)).build()
}

async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| panic!("{what} takes longer than {limit:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_a_silent_server_without_an_end_and_all_works_when_the_network_is_back() {
    let database = Database::new().await;
    save(&database.store(), &default(), order_with_lines(1, 1)).await.unwrap();
    let cases = WORK.iter().map(async |(name, work)| {
        let network = Network::to(&database).await;
        let store = store(&network);
        work(store.clone()).await.unwrap();
        network.fall_silent();
        // The second one finds no connection.
        let both = join_all([work(store.clone()), work(store.clone())]);
        for answered in within(DEADLINE, name, both).await {
            assert!(matches!(answered, Err(RepoError::Unavailable(_))), "{name}: {answered:?}");
        }
        network.come_back();
        let works = eventually(name, async || work(store.clone()).await.ok());
        within(RECOVERY, name, works).await;
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_use_new_connections_while_the_old_ones_are_silent() {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let store = store(&network);
    // A pool of four has one connection for queries.
    store.bounds(None).await.unwrap();
    network.fall_silent();
    let querying = store.clone();
    let mut silent = async move { querying.bounds(None).await }.boxed();
    assert!(poll!(&mut silent).is_pending(), "it uses the connection");
    let silent = tokio::spawn(silent);
    network.come_back();
    eventually("a query works", async || store.bounds(None).await.ok()).await;
    assert!(!silent.is_finished(), "the query works beside the silent one, not after it");
    let silent = within(DEADLINE, "the silent query", silent).await.unwrap();
    assert!(matches!(silent, Err(RepoError::Unavailable(_))), "{silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_end_at_their_deadline_and_go_on_when_the_network_is_back() {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let store = store(&network);
    save(&store, &default(), order_with_lines(1, 1)).await.unwrap();
    network.fall_silent();
    let tenant = default();
    let commits = join_all((2..6).map(|n| save(&store, &tenant, order_with_lines(n, 1))));
    for answered in within(DEADLINE, "the commits", commits).await {
        assert!(matches!(answered, Err(RepoError::Unavailable(_))), "{answered:?}");
    }
    network.come_back();
    let mut next = 10;
    let works = eventually("a commit works", async || {
        next += 1;
        save(&store, &default(), order_with_lines(next, 1)).await.ok()
    });
    within(RECOVERY, "a commit", works).await;
}

/// Waits until a session of the database waits for a lock.
async fn somebody_waits(observer: &mut PgConnection) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("a session waits for the lock", async || {
        let waits: i64 = query_scalar(waiting).fetch_one(&mut *observer).await.unwrap();
        (waits > 0).then_some(())
    })
    .await;
}

/// Blocks this work at the lock that `lock` takes, and lets its session fall silent there. Others then work on new sessions,
/// while the first one still waits.
async fn others_go_on(
    prepare: &'static str,
    lock: &'static str,
    work: impl Fn(PgStore, u64) -> BoxFuture<'static, Result<(), RepoError>>,
) {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let store = store(&network);
    let (mut blocker, mut observer) = (database.connect().await, database.connect().await);
    sqlx::raw_sql(prepare).execute(&mut observer).await.unwrap();
    save(&store, &default(), order_with_lines(1, 1)).await.unwrap();
    let mut held = blocker.begin().await.unwrap();
    sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
    let silent = tokio::spawn(work(store.clone(), 2));
    somebody_waits(&mut observer).await;
    network.fall_silent();
    held.rollback().await.unwrap();
    network.come_back();
    let mut next = 2;
    let others = eventually("others work", async || {
        next += 1;
        work(store.clone(), next).await.ok()
    });
    // Also before PostgreSQL would release the locks of the silent session by itself.
    within(RECOVERY, "the work of others", others).await;
    assert!(!silent.is_finished(), "others do not wait for the silent session");
    let silent = within(DEADLINE, "the silent session", silent).await.unwrap();
    assert!(matches!(silent, Err(RepoError::Unavailable(_))), "it ends at its deadline");
}

fn save_order(store: PgStore, n: u64) -> BoxFuture<'static, Result<(), RepoError>> {
    async move { save(&store, &default(), order_with_lines(n, 1)).await.map(drop) }.boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_use_a_new_connection_while_the_write_of_a_batch_is_silent() {
    others_go_on("select 1", "lock table orders in access exclusive mode", save_order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_use_a_new_connection_while_a_commit_is_silent() {
    let block_commits = "create function wait_at_commit() returns trigger language plpgsql as
            'begin perform pg_advisory_xact_lock_shared(1); return null; end';
        create constraint trigger wait_at_commit after insert on orders deferrable initially deferred
            for each row execute function wait_at_commit()";
    others_go_on(block_commits, "select pg_advisory_xact_lock(1)", save_order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_read_on_a_new_connection_while_a_read_is_silent() {
    // Many reads, so that most of them share statements.
    let read = |store: PgStore, _| {
        async move {
            let tenant = default();
            join_all((0..20).map(|_| store.order(&tenant, id(1)))).await.into_iter().try_for_each(|read| read.map(drop))
        }
        .boxed()
    };
    others_go_on("select 1", "lock table orders in access exclusive mode", read).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_answered_while_three_hundred_clients_wait_for_past_states() {
    let database = Database::new().await;
    let store = database.store();
    save(&store, &default(), order_with_lines(1, 1)).await.unwrap();
    let mut blocker = database.connect().await;
    let mut lock = blocker.begin().await.unwrap();
    sqlx::raw_sql("lock table order_events in access exclusive mode").execute(&mut *lock).await.unwrap();
    let waiting: Vec<_> = (0..300)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.order_as_of(&default(), id(1), AsOf::Version(1)).await })
        })
        .collect();
    let mut probe = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..4 {
        probe.tick().await;
        store.ready().await.unwrap();
    }
    assert!(waiting.iter().all(|client| !client.is_finished()), "readiness did not wait for the clients");
    lock.rollback().await.unwrap();
    for answered in join_all(waiting).await {
        answered.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_ask_for_readiness_share_one_check_which_ends_long_before_the_deadline() {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let store = store(&network);
    network.fall_silent();
    let before = network.connections();
    let all = join_all((0..100).map(|_| store.ready().boxed()));
    for answered in within(RECOVERY, "readiness", all).await {
        assert!(matches!(answered, Err(RepoError::Unavailable(_))), "{answered:?}");
    }
    assert_eq!(network.connections() - before, 1);
    network.come_back();
    let works = eventually("the store is ready", async || store.ready().await.ok());
    within(RECOVERY, "readiness", works).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_of_both_sides_probe_the_connections_to_the_database() {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let store = store(&network);
    save(&store, &default(), order_with_lines(1, 1)).await.unwrap();
    store.ready().await.unwrap();
    let timers = keepalive_timers(network.port);
    assert!(timers.len() >= 2 && timers.iter().all(|probes| *probes), "{timers:?}");
    let mut session = network.options().connect().await.unwrap();
    let server: String = query_scalar(
        "select string_agg(name || ' ' || reset_val, ', ' order by name) from pg_settings where name ~ '^tcp_(keep|user)'",
    )
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!(
        server,
        "tcp_keepalives_count 3, tcp_keepalives_idle 10, tcp_keepalives_interval 2, tcp_user_timeout 10000"
    );
}

/// Of each connection to this port, whether its keepalive timer runs: the timer 2 in the table of the kernel (proc(5)).
fn keepalive_timers(port: u16) -> Vec<bool> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let established = |line: &&str| line.contains(&format!(":{port:04X} 01 "));
    table.lines().filter(established).map(|line| line.split_whitespace().nth(5).unwrap().starts_with("02:")).collect()
}
