//! How the service starts on a database that is not ready for it, or that allows it less than everything.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions, query_scalar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, UnixStream, tcp::OwnedReadHalf, unix::OwnedWriteHalf},
};

use crate::{
    embedded::{is_root, open_to_all},
    starts::{becomes_ready, reason},
    support::{Database, private_postgres, program::Program, url},
};

/// The advisory lock that migrations of every release hold.
const LOCK: i64 = 0x006f_7264_6572_7300;

async fn execute(connection: &mut PgConnection, statements: impl Into<String>) {
    sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(connection).await.unwrap();
}

#[tokio::test]
async fn while_another_session_holds_the_lock_of_the_migrations_the_service_names_it() {
    let database = Database::empty().await;
    let mut holder = database.options.clone().application_name("another release").connect().await.unwrap();
    let pid: i32 = query_scalar("select pg_backend_pid()").fetch_one(&mut holder).await.unwrap();
    // As older releases hold it.
    execute(&mut holder, format!("select pg_advisory_lock({LOCK})")).await;
    let mut service = Program::new().database(&database).start_listening();
    let line = service.wait_for_line("holds the lock of the migrations");
    assert!(line.contains(&format!("process {pid} ")) && line.contains("\"another release\""), "{line}");
    assert!(reason(&service).await.contains(&format!("process {pid} ")));
    holder.close().await.unwrap();
    becomes_ready(&service).await;
    service.create_order().await;
}

#[tokio::test]
async fn on_a_database_that_is_read_only_the_service_waits_until_it_accepts_writes() {
    let database = Database::empty().await;
    let mut admin = database.connect().await;
    execute(&mut admin, format!("alter database {} set default_transaction_read_only = on", database.name)).await;
    let mut service = Program::new().database(&database).start_listening();
    service.wait_for_line(&format!("the database {} is read-only", database.name));
    assert!(reason(&service).await.contains("read-only"));
    execute(&mut admin, format!("alter database {} reset default_transaction_read_only", database.name)).await;
    becomes_ready(&service).await;
    service.create_order().await;
}

#[tokio::test]
async fn on_a_standby_the_service_waits_until_it_is_promoted() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let (first, second) = (dir.path().join("primary"), dir.path().join("standby"));
    let primary = private_postgres(&first, "orders", &[]).await;
    let service = Program::new().database_url(&url(primary.options())).start();
    let order = service.create_order().await;
    service.stop();
    base_backup(primary.options(), &second.join("postgres/cluster")).await;
    let standby = private_postgres(&second, "orders", &[]).await;
    let mut connection = standby.options().connect().await.unwrap();

    let mut service = Program::new().database_url(&url(standby.options())).start_listening();
    service.wait_for_line("the server is a standby");
    assert!(reason(&service).await.contains("until it is promoted"));
    execute(&mut connection, "select pg_promote()").await;
    becomes_ready(&service).await;
    assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    service.create_order().await;
}

/// Copies a server for a standby of it.
async fn base_backup(primary: &PgConnectOptions, cluster: &Path) {
    fs::create_dir_all(cluster).unwrap();
    let mut connection = primary.connect().await.unwrap();
    let bin: String =
        query_scalar("select setting from pg_config where name = 'BINDIR'").fetch_one(&mut connection).await.unwrap();
    let mut command = Command::new(format!("{bin}/pg_basebackup"));
    command.args(["--host", primary.get_socket().unwrap().to_str().unwrap(), "--username", "postgres"]);
    let copied = command.args(["--checkpoint", "fast", "--write-recovery-conf", "--pgdata"]).arg(cluster).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(cluster, Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        assert!(Command::new("chown").args(["-R", "postgres:postgres"]).arg(cluster).status().unwrap().success());
    }
}

#[tokio::test]
async fn a_role_with_rights_on_the_tables_only_is_enough_when_the_schema_is_current() {
    let database = Database::new().await;
    let mut admin = database.connect().await;
    let role = format!("clerk_{}", database.name);
    execute(
        &mut admin,
        format!(
            "create role {role} login; revoke create on schema public from public;
            grant select, insert, update, delete on all tables in schema public to {role}"
        ),
    )
    .await;
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let service = Program::new().database_url(&url).start();
    service.create_order().await;
    service.stop();
}

#[tokio::test]
async fn a_database_in_another_encoding_than_utf8_is_refused_by_name() {
    let database = Database::new().await;
    let mut admin = database.connect().await;
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("{}_{}", database.name, encoding.to_lowercase());
        execute(
            &mut admin,
            format!("create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"),
        )
        .await;
        let ended = Program::new().database_url(&url(&database.options.clone().database(&name))).run();
        assert!(!ended.status.success(), "{ended:?}");
        for word in [name.as_str(), encoding, "UTF8"] {
            assert!(ended.stderr.contains(word), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn several_services_migrate_a_database_whose_transactions_keep_their_snapshots() {
    let database = Database::empty().await;
    let mut admin = database.connect().await;
    execute(&mut admin, format!("alter database {} set default_transaction_isolation = 'serializable'", database.name))
        .await;
    let services: Vec<_> = (0..3).map(|_| Program::new().database(&database).start_listening()).collect();
    join_all(services.iter().map(becomes_ready)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_through_a_pooler_leaves_no_lock_on_the_sessions_that_the_pooler_keeps() {
    let database = Database::empty().await;
    let (url, kept) = pooler(&database.options).await;
    let service = Program::new().database_url(&url).start();
    assert!(!kept.lock().unwrap().is_empty(), "the pooler has kept the sessions of the migration");
    let mut admin = database.connect().await;
    let locks: i64 = query_scalar(
        "select count(*) from pg_locks
        where locktype = 'advisory' and classid::bigint = $1::bigint >> 32 and objid::bigint = $1::bigint & 4294967295",
    )
    .bind(LOCK)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(locks, 0);
    service.create_order().await;
    service.stop();
}

/// A pooler, as much as matters here: a session of the server outlives its client. Returns the URL and the sessions.
async fn pooler(options: &PgConnectOptions) -> (String, Arc<Mutex<Vec<OwnedWriteHalf>>>) {
    let socket = options.get_socket().unwrap().join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://postgres@{}/{}", listener.local_addr().unwrap(), options.get_database().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sessions = kept.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            let sessions = sessions.clone();
            tokio::spawn(async move {
                let session = forward(client, server).await;
                sessions.lock().unwrap().push(session);
            });
        }
    });
    (url, kept)
}

/// Forwards in both directions until the client ends, but not its Terminate message. Returns what keeps the session open.
async fn forward(client: TcpStream, server: UnixStream) -> OwnedWriteHalf {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let responses = tokio::spawn(async move {
        let _ = copy(&mut from_server, &mut to_client).await;
    });
    // The first messages have no type: a request for TLS, perhaps, and the start-up message.
    let mut has_started = false;
    while let Some(message) = read_message(&mut from_client, has_started).await {
        if has_started && message[0] == b'X' {
            break;
        }
        has_started |= message.get(4..8) != Some(&SSL_REQUEST.to_be_bytes());
        to_server.write_all(&message).await.unwrap();
    }
    responses.abort();
    to_server
}

const SSL_REQUEST: u32 = 80_877_103;

async fn read_message(client: &mut OwnedReadHalf, has_type: bool) -> Option<Vec<u8>> {
    let mut message = vec![0; if has_type { 5 } else { 4 }];
    client.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[message.len() - 4..].try_into().unwrap());
    let head = message.len();
    message.resize(head + length as usize - 4, 0);
    client.read_exact(&mut message[head..]).await.ok()?;
    Some(message)
}
