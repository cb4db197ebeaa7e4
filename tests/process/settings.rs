use serde_json::json;

use crate::support::{
    Database,
    pricing::{server, shop},
    service::{Service, ended, program},
};

#[tokio::test]
async fn the_demo_in_memory_serves_and_ends_on_sigterm() {
    let service = Service::start(program(&["--in-memory"]));
    let order = service.create_order().await;
    assert_eq!(service.get(&format!("/orders/{}", order["order_id"].as_str().unwrap())).await, order);
    service.signal("TERM");
    let (status, log) = service.wait();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn the_service_uses_the_database_of_its_url_and_migrates_it() {
    let database = Database::empty().await;
    let service = Service::start(program(&["--database-url", &database.url()]));
    let order = service.create_order().await;
    service.signal("TERM");
    assert!(service.wait().0.success());

    let service = Service::start(program(&["--database-url", &database.url(), "--log-format", "json"]));
    assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    service.signal("INT");
    let (status, log) = service.wait();
    assert!(status.success());
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access = lines.iter().find(|line| line["path"] == "/orders").unwrap();
    assert_eq!((&access["method"], &access["status"], &access["level"]), (&json!("GET"), &json!(200), &json!("INFO")));
    assert_eq!(access["request_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn the_service_asks_the_pricing_service_of_its_url() {
    let server = server(shop).await;
    let service = Service::start(program(&["--in-memory", "--pricing-url", &server.uri()]));
    assert_eq!(service.create_order().await["total_amount"], "37.02");
}

#[test]
fn a_bad_setting_stops_the_start_with_its_name_and_what_is_allowed() {
    let refused = [
        (&["--db-pool", "0"][..], "ORDERS_DB_POOL", "2..=500"),
        (&["--log-format", "xml"], "ORDERS_LOG_FORMAT", "pretty, json"),
        (&["--bind", "8000"], "ORDERS_BIND", "invalid socket address"),
        (&["--bind", "0.0.0.0:0"], "ORDERS_BIND", "ORDERS_ALLOW_ANONYMOUS=true"),
        (&["--cors-origins", "https://a\"b"], "ORDERS_CORS_ORIGINS", "https://shop.example.com"),
        (&["--cors-origins", "https://a:b:c"], "ORDERS_CORS_ORIGINS", "without a path"),
        (&["--database-url", "mysql://x"], "DATABASE_URL", "postgres://"),
        (&["--in-memory", "--catalogue", "/nowhere"], "ORDERS_CATALOGUE", "/nowhere"),
        (&["--in-memory", "--pricing-url", "ftp://prices"], "ORDERS_PRICING_URL", "http or https"),
        (&["--in-memory", "--pricing-url", "prices:8080"], "ORDERS_PRICING_URL", "http or https"),
        (&["--in-memory", "--pricing-url", "http://prices/?v=1"], "ORDERS_PRICING_URL", "no query"),
        (&["--in-memory", "--pricing-timeout-ms", "49"], "ORDERS_PRICING_TIMEOUT_MS", "50..=30000"),
    ];
    for (arguments, name, allowed) in refused {
        let mut command = program(&[]);
        // A flag given twice would be the error.
        if arguments.contains(&"--bind") {
            command = std::process::Command::new(command.get_program());
            command.stderr(std::process::Stdio::piped());
        }
        command.args(arguments);
        let (status, said) = ended(command);
        assert!(!status.success() && said.contains(name) && said.contains(allowed), "{arguments:?}: {said}");
    }
    let mut command = program(&["--in-memory"]);
    command.env("ORDERS_DB_POOL", "many");
    let (status, said) = ended(command);
    assert!(!status.success() && said.contains("ORDERS_DB_POOL"), "{said}");
}

#[test]
fn help_tells_every_setting_and_its_default() {
    let output = program(&["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for text in [
        "DATABASE_URL",
        "ORDERS_IN_MEMORY",
        "ORDERS_BIND",
        "127.0.0.1:8000",
        "ORDERS_DATA_DIR",
        "./data",
        "ORDERS_LOG_FORMAT",
    ] {
        assert!(help.contains(text), "{text} is not in:\n{help}");
    }
}

#[test]
fn a_secret_in_a_url_is_never_shown() {
    let url = "postgres://orders:s3cret-word@localhost:1/orders?sslmode=nonsense";
    let pricing = "http://orders:s3cret-word@localhost:1/?nonsense";
    let mut command = program(&["--help"]);
    command.env("DATABASE_URL", url).env("ORDERS_PRICING_URL", pricing);
    let output = command.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("s3cret-word"));
    for arguments in [["--database-url", url], ["--pricing-url", pricing]] {
        let (status, said) = ended(program(&arguments));
        assert!(!status.success() && !said.contains("s3cret-word"), "{said}");
    }
}
