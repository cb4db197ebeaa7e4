//! The log lines of the service: standard error, log files, levels, traces, and secrets that no line may contain.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions};
use wiremock::ResponseTemplate;

use crate::support::{
    Database, eventually,
    pricing::{answer_now, server, shop},
    program::Program,
    service::{Service, client},
};

/// The program in memory, with JSON log lines in files of this directory.
fn logging_to(dir: &Path) -> Program {
    Program::new().in_memory().option("--log-format", "json").log_dir(dir)
}

/// Every line of every file in the directory. Asserts that each line is complete.
fn lines(dir: &Path) -> Vec<Value> {
    let files = fs::read_dir(dir).into_iter().flatten().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let whole = |text: String| {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn: {text:?}");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect::<Vec<_>>()
    };
    files.flat_map(whole).collect()
}

/// The number of requests for this path.
fn requests(lines: &[Value], path: &str) -> usize {
    lines.iter().filter(|line| line["path"] == path).count()
}

/// The status of the response.
async fn get(service: &Service, path: &str) -> u16 {
    client().get(format!("{}{path}", service.url)).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn full_files_are_rotated_and_no_line_is_lost_or_torn() {
    let dir = tempfile::tempdir().unwrap();
    let service = logging_to(dir.path()).option("--log-file-bytes", "24000").start();
    let clients = (0..16).map(|_| {
        let url = format!("{}/products", service.url);
        tokio::spawn(async move {
            let client = client();
            for _ in 0..20 {
                client.get(&url).send().await.unwrap().bytes().await.unwrap();
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let said = service.stop();
    let lines = lines(dir.path());
    assert_eq!(requests(&lines, "/products"), 320);
    let sizes: Vec<u64> =
        fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).collect();
    assert!((3..=6).contains(&sizes.len()) && sizes.iter().all(|size| *size <= 24_000), "{sizes:?}");
    // Standard error also has every line.
    assert_eq!(said.lines().filter(|line| line.contains("\"/products\"")).count(), 320);
}

#[tokio::test]
async fn five_old_files_are_kept_and_a_restart_appends_to_the_current_file() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let service = logging_to(dir.path()).option("--log-file-bytes", "4096").start();
        for _ in 0..60 {
            get(&service, "/products").await;
        }
        service.stop();
    }
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["orders.log", "orders.log.1", "orders.log.2", "orders.log.3", "orders.log.4", "orders.log.5"]);
    lines(dir.path());

    let other = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let service = logging_to(other.path()).start();
        get(&service, "/products").await;
        service.stop();
    }
    assert_eq!(requests(&lines(other.path()), "/products"), 2);
}

#[tokio::test]
async fn a_full_disk_fails_no_request_and_logging_resumes_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    // No file may exceed 4 KiB. The kernel cuts a larger write short or refuses it, as on a full disk.
    let limit = "trap '' XFSZ; ulimit -S -f 4; exec \"$0\" \"$@\"";
    let service = logging_to(dir.path()).inside(["bash", "-c", limit]).start();
    for _ in 0..40 {
        assert_eq!(get(&service, "/products").await, 200);
    }
    let kept = requests(&lines(dir.path()), "/products");
    assert!((1..40).contains(&kept), "{kept}");
    let unlimited = Command::new("prlimit")
        .args(["--pid", &service.process_id().to_string(), "--fsize=unlimited"])
        .status()
        .unwrap();
    assert!(unlimited.success());
    eventually("the file receives lines again", async || {
        get(&service, "/health/live").await;
        (requests(&lines(dir.path()), "/health/live") > 0).then_some(())
    })
    .await;
    let said = service.stop();
    assert_eq!(said.matches("no log file in").count(), 1, "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("\"/products\"")).count(), 40);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_fails_no_request_and_is_retried() {
    let dir = tempfile::tempdir().unwrap();
    let (obstacle, logs) = (dir.path().join("logs"), dir.path().join("logs/here"));
    fs::write(&obstacle, "a file where a directory should be").unwrap();
    let service = logging_to(&logs).start();
    assert_eq!(get(&service, "/products").await, 200);
    fs::remove_file(&obstacle).unwrap();
    let written = async || {
        get(&service, "/health/live").await;
        (requests(&lines(&logs), "/health/live") > 0).then_some(())
    };
    eventually("the file receives lines", written).await;
    // An operator removes the directory while the service runs.
    fs::remove_dir_all(&logs).unwrap();
    eventually("a new file receives lines", written).await;
}

#[tokio::test]
async fn after_a_crash_in_the_middle_of_a_line_the_next_line_begins_on_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("orders.log");
    fs::write(&log, "{\"level\":\"INFO\"}\n{\"level\":\"IN").unwrap();
    let service = logging_to(dir.path()).start();
    service.stop();
    let text = fs::read_to_string(&log).unwrap();
    let torn: Vec<&str> = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
    assert!(torn == ["{\"level\":\"IN"] && text.lines().count() > 2, "{text}");
}

#[tokio::test]
async fn when_two_services_share_a_directory_the_second_writes_after_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let first = logging_to(dir.path()).start();
    let second = logging_to(dir.path()).start();
    assert_eq!((get(&first, "/products").await, get(&second, "/orders").await), (200, 200));
    eventually("the file receives the line of the first service", async || {
        (requests(&lines(dir.path()), "/products") > 0).then_some(())
    })
    .await;
    assert_eq!(requests(&lines(dir.path()), "/orders"), 0);
    first.stop();
    eventually("the file receives the lines of the second service", async || {
        get(&second, "/orders").await;
        (requests(&lines(dir.path()), "/orders") > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_line_of_any_level_contains_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("orders.log");
    let database = Database::new().await;
    let with = |login: &str| database.url().replace("postgres@", login);
    require_a_password(&database, "s3cret-word").await;
    let traced = |url: &str| Program::new().log_dir(dir.path()).env("DATABASE_URL", url).env("RUST_LOG", "trace");
    let here = with("asked:s3cret%2Dword@");
    let in_query = with("asked@") + "&password=s3cret-word";
    // Unknown parameters: one of libpq, and the rest of a password that is not escaped.
    let unknown = with("asked:s3cret%2Dword@") + "&sslpassword=s3cret&s3cret";
    for url in [&here, &in_query, &unknown] {
        let service = traced(url).start();
        service.create_order().await;
        let said = service.stop();
        assert!(!said.contains("s3cret"), "{said}");
    }
    let refused = with("asked:s3cret-but-wrong@");
    // No database listens at this address.
    let nobody = "postgres://orders:s3cret-word@127.0.0.1:1/orders";
    for (url, reason) in [(&*refused, "password authentication failed"), (nobody, "no connection to the database")] {
        let mut process = traced(url).command().spawn().unwrap();
        eventually("the service has tried to connect", async || {
            fs::read_to_string(&log).ok()?.contains(reason).then_some(())
        })
        .await;
        process.kill().unwrap();
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("s3cret") && said.contains("TRACE"), "{said}");
    }
    let written = fs::read_to_string(&log).unwrap();
    assert!(!written.contains("s3cret") && written.contains("TRACE"), "{written}");
    assert_eq!(written.matches("ignoring an unknown parameter of DATABASE_URL").count(), 2);
}

/// Creates the role `asked`, and makes PostgreSQL require this password for it.
async fn require_a_password(database: &Database, password: &str) {
    let mut postgres = database.connect().await;
    let hba: String = sqlx::query_scalar("show hba_file").fetch_one(&mut postgres).await.unwrap();
    // The method `password`: the client sends the password in clear text.
    fs::write(&hba, "local all asked password\n".to_owned() + &fs::read_to_string(&hba).unwrap()).unwrap();
    let create = format!("create role asked superuser login password '{password}'; select pg_reload_conf()");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut postgres).await.unwrap();
    let without = database.options.clone().username("asked");
    eventually("PostgreSQL requires the password", async || without.connect().await.is_err().then_some(())).await;
}

#[tokio::test]
async fn each_module_can_have_its_own_level() {
    let dir = tempfile::tempdir().unwrap();
    // `bootstrap` logs the address, which `start` waits for.
    let levels = "warn,orders::http=info,orders::bootstrap=info";
    let service = logging_to(dir.path()).env("RUST_LOG", levels).start();
    service.create_order().await;
    assert_eq!(get(&service, "/products").await, 200);
    service.stop();
    let mut lines = lines(dir.path());
    lines.retain(|line| !line["target"].as_str().unwrap().starts_with("orders::bootstrap"));
    let targets: Vec<_> = lines.iter().map(|line| &line["target"]).collect();
    assert_eq!(targets, ["orders::http::access"; 2]);
}

#[tokio::test]
async fn a_request_continues_the_valid_trace_of_its_caller_and_else_begins_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let service = logging_to(dir.path()).start();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = [
        format!("00-{trace}-00f067aa0ba902b7-01"),
        format!("cc-{trace}-00f067aa0ba902b7-01-more"),
        format!("00-{trace}-00f067aa0ba902b7-01-more"),
        format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
        format!("00-{trace}-0000000000000000-01"),
        format!("ff-{trace}-00f067aa0ba902b7-01"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(),
        String::new(),
    ];
    for header in &headers {
        let request = client().get(format!("{}/products", service.url)).header("traceparent", header);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    service.stop();
    let lines = lines(dir.path());
    let traces: Vec<&str> = lines
        .iter()
        .filter(|line| line["path"] == "/products")
        .map(|line| line["trace_id"].as_str().unwrap())
        .collect();
    assert_eq!(traces[..2], [trace, trace]);
    for (begun, header) in traces[2..].iter().zip(&headers[2..]) {
        assert!(begun.len() == 32 && *begun != trace && !header.contains(begun), "{header}: {begun}");
    }
}

#[tokio::test]
async fn the_trace_reaches_the_pricing_service_and_the_log_and_no_line_contains_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let shop = server(shop).await;
    let url = shop.uri().replace("http://", "http://orders:s3cret-word@");
    let service = logging_to(dir.path()).option("--pricing-url", &url).env("RUST_LOG", "trace").start();
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let get = async |flags: &str| {
        let request = client().get(format!("{}/products", service.url));
        let request = request.header("traceparent", format!("00-{trace}-{parent}-{flags}"));
        request.header("authorization", "Bearer s3cret-token").send().await.unwrap().status().as_u16()
    };
    // The service passes on only the last flag, the one that has a meaning.
    assert_eq!((get("01").await, get("00").await, get("ff").await), (200, 200, 200));
    let asked = shop.received_requests().await.unwrap();
    let sent: Vec<&str> = asked.iter().map(|request| request.headers["traceparent"].to_str().unwrap()).collect();
    let spans: BTreeSet<&str> = sent.iter().map(|sent| &sent[36..52]).collect();
    assert!(spans.len() == 3 && !spans.contains(parent), "{sent:?}");
    for (sent, flags) in sent.iter().zip(["01", "00", "01"]) {
        assert_eq!((&sent[..36], &sent[52..]), (&*format!("00-{trace}-"), &*format!("-{flags}")));
    }

    answer_now(&shop, ResponseTemplate::new(400)).await;
    assert_eq!(get("01").await, 503);
    let said = service.stop();
    let lines = lines(dir.path());
    let problem = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    let access = lines.iter().find(|line| line["status"] == 503).unwrap();
    assert_eq!((&problem["trace_id"], &access["trace_id"]), (&json!(trace), &json!(trace)));
    assert_eq!(problem["request_id"], access["request_id"]);
    let secrets = ["s3cret", "b3JkZXJzOnMzY3JldC13b3Jk"];
    let logged = said + &Value::from(lines).to_string();
    assert!(!secrets.iter().any(|secret| logged.contains(secret)), "{logged}");
}

#[tokio::test]
async fn an_outage_of_the_database_has_one_line_at_its_begin_and_one_at_its_end() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::new().await);
    let mut operator = database.connect().await;
    let mut service = Program::new().database(&database).option("--log-format", "json").log_dir(dir.path()).start();
    sqlx::raw_sql("alter schema public rename to away").execute(&mut operator).await.unwrap();
    for _ in 0..40 {
        let response = client().get(format!("{}/orders", service.url)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    }
    sqlx::raw_sql("alter schema away rename to public").execute(&mut operator).await.unwrap();
    service.wait_for_line("answers again");
    assert_eq!(get(&service, "/orders").await, 200);
    service.stop();
    let lines = lines(dir.path());
    let of_level = |level: &str| lines.iter().filter(|line| line["level"] == level).collect::<Vec<_>>();
    let (errors, warnings) = (of_level("ERROR"), of_level("WARN"));
    assert_eq!((errors.len(), warnings.len()), (1, 1), "{errors:?} {warnings:?}");
    assert!(errors[0]["cause"].as_str().unwrap().contains("SQLSTATE 42P01"), "{errors:?}");
    assert_eq!(warnings[0]["refused"], 40);
    // Each refused request has its own line.
    assert_eq!(lines.iter().filter(|line| line["code"] == "store_unavailable").count(), 40);
}
