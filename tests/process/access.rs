//! Access control as an operator sets it up: keys on the command line, the first key, the address for operators, quotas over
//! several instances.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{
    Database, eventually,
    program::Program,
    redis::Redis,
    service::{Service, client},
};

/// Runs `orders keys …` on this database and returns its standard output.
fn keys(database: &Database, arguments: &[&str]) -> String {
    let program = arguments.iter().fold(Program::new().argument("keys"), Program::argument);
    let ended = program.database(database).run();
    assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    ended.stdout.trim().to_owned()
}

async fn status(service: &Service, path: &str, key: &str) -> StatusCode {
    client().get(format!("{}{path}", service.url)).bearer_auth(key).send().await.unwrap().status()
}

#[tokio::test]
async fn the_command_line_makes_the_first_key_of_a_fresh_database_and_manages_it() {
    let database = Database::empty().await;
    let key = keys(&database, &["create", "--tenant", "acme", "--name", "shop", "--scope", "orders:read,orders:write"]);
    assert!(key.starts_with("ord_") && key.len() == 85 && !key.contains('\n'), "nothing but the key: {key:?}");
    let id = key.split('_').nth(1).unwrap();
    let service = Program::new().database(&database).option("--auth", "keys").start();
    let created = client().post(format!("{}/orders", service.url)).bearer_auth(&key).json(&json!({"customer_id": "c"}));
    assert_eq!(created.send().await.unwrap().status(), 201);
    let listed = keys(&database, &["list", "--tenant", "acme"]);
    assert!(listed.contains(id) && listed.contains("orders:read orders:write"), "{listed}");
    assert!(!listed.contains(key.rsplit_once('_').unwrap().1));
    assert_eq!(keys(&database, &["list"]), "", "tenant default has none");
    let rotated = keys(&database, &["rotate", id, "--tenant", "acme", "--overlap-secs", "0"]);
    assert_eq!(status(&service, "/orders", &rotated).await, 200);
    eventually("the old secret is refused", async || (status(&service, "/orders", &key).await == 401).then_some(()))
        .await;
    keys(&database, &["revoke", id, "--tenant", "acme"]);
    eventually("the key is refused", async || (status(&service, "/orders", &rotated).await == 401).then_some(())).await;
    service.stop();
}

#[test]
fn a_wrong_argument_of_a_key_is_named() {
    for (arguments, named) in [
        (vec!["create", "--name", "x", "--scope", "orders:fly"], "orders:fly"),
        (vec!["create", "--name", "", "--scope", "all"], "--name"),
        (vec!["create", "--name", "x", "--scope", "all", "--tenant", "Not A Tenant"], "--tenant"),
        (vec!["create", "--name", "x"], "--scope"),
        (vec!["revoke", "xyz"], "16 hexadecimal digits"),
        (vec!["revoke", "0123456789abcdef"], "there is no key 0123456789abcdef"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        crate::embedded::open_to_all(dir.path());
        let program = arguments.iter().fold(Program::new().argument("keys"), Program::argument);
        let ended = program.data_dir(dir.path()).run();
        assert!(!ended.status.success() && ended.stderr.contains(named), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn the_bootstrap_key_is_created_once_and_never_again() {
    let database = Database::empty().await;
    let key = format!("ord_00000000deadbeef_{}", "5".repeat(64));
    let program = Program::new().database(&database).option("--auth", "keys").env("ORDERS_BOOTSTRAP_KEY", &key);
    let service = program.start();
    assert_eq!(status(&service, "/keys", &key).await, 200);
    let revoked = client().delete(format!("{}/keys/00000000deadbeef", service.url)).bearer_auth(&key).send().await;
    assert_eq!(revoked.unwrap().status(), 204);
    service.stop();
    let service = program.start();
    assert_eq!(status(&service, "/keys", &key).await, 401);
    service.stop();
    let refused = Program::new().in_memory().option("--auth", "keys").env("ORDERS_BOOTSTRAP_KEY", "hunter2").run();
    assert!(!refused.status.success() && refused.stderr.contains("ORDERS_BOOTSTRAP_KEY"), "{refused:?}");
    assert!(!refused.output().contains("hunter2"));
}

#[tokio::test]
async fn of_instances_that_start_at_once_one_creates_the_bootstrap_key() {
    let database = Database::new().await;
    let key = |digit: &str| format!("ord_00000000deadbeef_{}", digit.repeat(64));
    let program = || Program::new().database(&database).option("--auth", "keys");
    let mut services: Vec<Service> = (0..4)
        .map(|n| program().env("ORDERS_BOOTSTRAP_KEY", key(if n == 3 { "6" } else { "5" })).start_listening())
        .collect();
    for service in &mut services {
        service.wait_for_line("ready for requests");
    }
    let accepted = [status(&services[0], "/keys", &key("5")).await, status(&services[0], "/keys", &key("6")).await];
    assert!([[200, 401], [401, 200]].contains(&accepted.map(|status| status.as_u16())), "{accepted:?}");
    for service in services {
        service.stop();
    }
}

#[tokio::test]
async fn the_address_for_operators_needs_no_credential_and_serves_nothing_else() {
    let key = format!("ord_00000000deadbeef_{}", "5".repeat(64));
    let program = Program::new().in_memory().option("--auth", "keys").env("ORDERS_BOOTSTRAP_KEY", &key);
    let mut service = program.option("--admin-bind", "127.0.0.1:0").start_listening();
    let line = service.wait_for_line("metrics and health are on ");
    let admin = line.split_once("are on ").unwrap().1.to_owned();
    service.wait_for_line("ready for requests");
    let get = async |url: String| client().get(url).send().await.unwrap();
    for (path, expected) in
        [("/metrics", 200), ("/health/ready", 200), ("/health/live", 200), ("/orders", 404), ("/me", 404)]
    {
        assert_eq!(get(format!("{admin}{path}")).await.status(), expected, "{path}");
    }
    assert!(get(format!("{admin}/metrics")).await.text().await.unwrap().contains("orders_tenant_mismatches_total 0"));
    assert_eq!(get(format!("{}/metrics", service.url)).await.status(), 401);
    assert_eq!(get(format!("{}/health/ready", service.url)).await.status(), 200);
    assert_eq!(status(&service, "/metrics", &key).await, 200);
    let checked =
        Program::new().argument("healthcheck").option("--admin-bind", admin.strip_prefix("http://").unwrap()).run();
    assert!(checked.status.success(), "{checked:?}");
    service.stop();
}

#[tokio::test]
async fn the_log_names_callers_and_never_a_credential_whatever_its_level() {
    let database = Database::empty().await;
    let secret = "6".repeat(64);
    let key = format!("ord_00000000deadbeef_{secret}");
    let program = Program::new().database(&database).option("--auth", "keys").env("ORDERS_BOOTSTRAP_KEY", &key);
    let service = program.env("RUST_LOG", "trace").start();
    assert_eq!(status(&service, "/orders", &key).await, 200);
    assert_eq!(status(&service, "/orders", &key.replace("dead", "feed")).await, 401);
    let malformed = client().get(format!("{}/orders", service.url)).header("authorization", format!("Bearer {key} x"));
    assert_eq!(malformed.send().await.unwrap().status(), 401);
    let created = client().post(format!("{}/keys", service.url)).bearer_auth(&key);
    let created = created.json(&json!({"name": "x", "scopes": ["orders:read"]})).send().await.unwrap();
    let created: serde_json::Value = created.json().await.unwrap();
    let log = service.stop();
    assert!(log.contains("subject=00000000deadbeef") || log.contains("subject=\"00000000deadbeef\""), "{log}");
    assert!(!log.contains(&secret), "the log has the secret");
    assert!(!log.contains(created["key"].as_str().unwrap().rsplit_once('_').unwrap().1), "the log has the new secret");
}

#[test]
fn settings_of_access_control_that_do_not_fit_stop_the_start() {
    let plain = || Program::new().in_memory();
    for (program, name, allowed) in [
        (plain().option("--auth", "password"), "ORDERS_AUTH", "none, keys, jwt"),
        (plain().option("--auth", "none,keys"), "ORDERS_AUTH", "keys,jwt"),
        (plain().option("--auth", "jwt"), "ORDERS_JWKS", "required"),
        (
            plain().option("--auth", "jwt").option("--jwks", "/nowhere").option("--jwt-issuer", "i"),
            "ORDERS_JWT_AUDIENCE",
            "required",
        ),
        (
            plain()
                .option("--auth", "jwt")
                .option("--jwks", "/nowhere")
                .option("--jwt-issuer", "i")
                .option("--jwt-audience", "a"),
            "ORDERS_JWKS",
            "cannot read the file",
        ),
        (plain().option("--rate-limit", "100"), "ORDERS_RATE_LIMIT", "100/s"),
        (plain().option("--rate-limit", "1/s").option("--redis-url", "http://x"), "ORDERS_REDIS_URL", "redis://"),
        (plain().option("--auth-failure-limit", "x"), "ORDERS_AUTH_FAILURE_LIMIT", "6000/m"),
        (plain().option("--admin-bind", "9100"), "ORDERS_ADMIN_BIND", "127.0.0.1:8000"),
    ] {
        let ended = program.run();
        let output = ended.output();
        assert!(!ended.status.success() && output.contains(name) && output.contains(allowed), "{name}: {ended:?}");
    }
    let open = Program::new().in_memory().option("--auth", "keys").bind("0.0.0.0:0").start();
    open.stop();
}

/// How many of these requests to each service are admitted.
async fn admitted(services: &[(Service, String)], key: &str, each: usize) -> Vec<usize> {
    let of_one = async |(service, _): &(Service, String)| {
        let statuses = join_all((0..each).map(|_| status(service, "/products", key))).await;
        statuses.into_iter().filter(|status| *status == 200).count()
    };
    join_all(services.iter().map(of_one)).await
}

/// Waits until each service says that so many share the quotas.
async fn all_share_with(services: &[(Service, String)], instances: u32) {
    for (_, metrics) in services {
        eventually("the quotas are shared", async || {
            let text = client().get(metrics).send().await.unwrap().text().await.unwrap();
            text.contains(&format!("orders_rate_limit_instances {instances}\n")).then_some(())
        })
        .await;
    }
}

/// So many services that share the quotas, and the addresses of their metrics.
async fn sharing(database: &Database, redis: &Redis, rate: &str, instances: u32) -> Vec<(Service, String)> {
    let program = Program::new().database(database).option("--auth", "keys").option("--rate-limit", rate);
    let program = program.option("--redis-url", redis.url()).option("--admin-bind", "127.0.0.1:0");
    let start = |_| {
        let mut service = program.start_listening();
        let line = service.wait_for_line("metrics and health are on ");
        service.wait_for_line("ready for requests");
        (service, format!("{}/metrics", line.split_once("are on ").unwrap().1))
    };
    let services: Vec<_> = (0..instances).map(start).collect();
    all_share_with(&services, instances).await;
    services
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_caller_do_not_wait_for_a_silent_redis_one_after_the_other() {
    let database = Database::empty().await;
    let key = keys(&database, &["create", "--name", "x", "--scope", "all"]);
    let redis = Redis::start().await;
    let services = sharing(&database, &redis, "10000/s", 1).await;
    redis.freeze();
    // One after the other they would take 200 times as long as one of them waits: 20 s.
    let all = tokio::time::timeout(Duration::from_secs(10), admitted(&services, &key, 200)).await;
    assert_eq!(all.expect("the requests wait in a row"), [200]);
    for (service, _) in services {
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_instances_share_a_quota_through_redis_and_keep_to_their_shares_without_it() {
    let database = Database::empty().await;
    let key = keys(&database, &["create", "--name", "x", "--scope", "all"]);
    let mut redis = Redis::start().await;
    let services = sharing(&database, &redis, "60/h", 3).await;
    let together: usize = admitted(&services, &key, 40).await.iter().sum();
    // One more may come due meanwhile.
    assert!((60..=61).contains(&together), "{together}");
    redis.kill();
    all_share_with(&services, 0).await;
    let alone = admitted(&services, &key, 10).await;
    // A share of the rate: one request in nine minutes.
    assert!(alone.iter().all(|admitted| *admitted <= 1), "{alone:?}");
    let redis = redis.start_again().await;
    all_share_with(&services, 3).await;
    // An instance remembers that a caller has to wait. Another caller has a whole quota.
    let other = keys(&database, &["create", "--name", "y", "--scope", "all"]);
    let together: usize = admitted(&services, &other, 40).await.iter().sum();
    assert!((60..=61).contains(&together), "{together}");
    drop(redis);
    for (service, _) in services {
        service.stop();
    }
}
