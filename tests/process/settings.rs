use serde_json::json;

use crate::support::{
    Database,
    pricing::{server, shop},
    program::Program,
};

#[tokio::test]
async fn with_in_memory_the_service_serves_and_ends_on_sigterm() {
    let service = Program::new().in_memory().start();
    let order = service.create_order().await;
    assert_eq!(service.get(&format!("/orders/{}", order["order_id"].as_str().unwrap())).await, order);
    service.stop();
}

#[tokio::test]
async fn with_a_database_url_the_service_migrates_and_uses_that_database() {
    let database = Database::empty().await;
    let service = Program::new().database(&database).start();
    let order = service.create_order().await;
    service.stop();

    let service = Program::new().database(&database).option("--log-format", "json").start();
    assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    service.signal("INT");
    let log = service.ends_well();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access = lines.iter().find(|line| line["path"] == "/orders").unwrap();
    assert_eq!((&access["method"], &access["status"], &access["level"]), (&json!("GET"), &json!(200), &json!("INFO")));
    assert_eq!(access["request_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn with_a_pricing_url_the_service_takes_prices_from_that_service() {
    let server = server(shop).await;
    let service = Program::new().in_memory().option("--pricing-url", server.uri()).start();
    assert_eq!(service.create_order().await["total_amount"], "37.02");
}

#[test]
fn a_bad_setting_ends_the_start_with_an_error_that_names_it_and_the_allowed_values() {
    let plain = Program::new;
    let in_memory = || Program::new().in_memory();
    let refused = [
        (plain().option("--db-pool", "0"), "ORDERS_DB_POOL", "4..=500"),
        (plain().option("--log-format", "xml"), "ORDERS_LOG_FORMAT", "pretty, json"),
        (plain().bind("8000"), "ORDERS_BIND", "invalid socket address"),
        (plain().bind("localhost"), "ORDERS_BIND", "localhost:8000"),
        (plain().bind("nowhere.invalid:8000"), "ORDERS_BIND", "localhost:8000"),
        (in_memory().option("--static-dir", "/nope"), "ORDERS_STATIC_DIR=/nope", "index.html"),
        (in_memory().env("RUST_LOG", "!!!"), "RUST_LOG=!!!", "info,orders::domain=debug"),
        (in_memory().env("RUST_LOG", "info,orders=loud"), "RUST_LOG=info,orders=loud", "trace"),
        (plain().bind("0.0.0.0:0"), "ORDERS_BIND", "ORDERS_ALLOW_ANONYMOUS=true"),
        (plain().option("--cors-origins", "https://a\"b"), "ORDERS_CORS_ORIGINS", "https://shop.example.com"),
        (plain().option("--allowed-hosts", "orders.example.com:80"), "ORDERS_ALLOWED_HOSTS", "without a port"),
        (plain().option("--cors-origins", "https://a:b:c"), "ORDERS_CORS_ORIGINS", "without a path"),
        (plain().database_url("mysql://x"), "DATABASE_URL", "postgres://"),
        (in_memory().option("--catalogue", "/nowhere"), "ORDERS_CATALOGUE", "/nowhere"),
        (in_memory().option("--pricing-url", "ftp://prices"), "ORDERS_PRICING_URL", "http or https"),
        (in_memory().option("--pricing-url", "prices:8080"), "ORDERS_PRICING_URL", "http or https"),
        (in_memory().option("--pricing-url", "http://prices/?v=1"), "ORDERS_PRICING_URL", "no query"),
        (in_memory().option("--pricing-timeout-ms", "49"), "ORDERS_PRICING_TIMEOUT_MS", "50..=30000"),
        (in_memory().env("ORDERS_DB_POOL", "many"), "ORDERS_DB_POOL", "invalid digit"),
        (in_memory().option("--kafka-brokers", "kafka-1"), "ORDERS_KAFKA_BROKERS", "host:port"),
        (in_memory().option("--kafka-brokers", "kafka://kafka-1:9092"), "ORDERS_KAFKA_BROKERS", "host:port"),
        (in_memory().option("--kafka-brokers", "kafka-1:9092,"), "ORDERS_KAFKA_BROKERS", "host:port"),
        (plain().option("--kafka-topic", "a b"), "ORDERS_KAFKA_TOPIC", "letters, digits"),
        (plain().option("--kafka-security-protocol", "tls"), "ORDERS_KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
        (plain().option("--kafka-sasl-mechanism", "md5"), "ORDERS_KAFKA_SASL_MECHANISM", "scram-sha-512"),
        (
            in_memory().option("--kafka-brokers", "[::1]:1").option("--kafka-security-protocol", "sasl_ssl"),
            "ORDERS_KAFKA_SECURITY_PROTOCOL",
            "ORDERS_KAFKA_PASSWORD",
        ),
    ];
    for (program, name, allowed) in refused {
        let ended = program.run();
        assert!(!ended.status.success(), "{program:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains(allowed), "{program:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn the_address_may_be_a_host_name() {
    let service = Program::new().in_memory().bind("localhost:0").start();
    assert!(service.url.starts_with("http://127.0.0.1:"), "{}", service.url);
    service.create_order().await;
    let address = service.address().replace("127.0.0.1", "localhost");
    let healthcheck = Program::new().argument("healthcheck").bind(&address).run();
    assert!(healthcheck.status.success(), "{healthcheck:?}");
}

#[test]
fn help_lists_settings_and_their_defaults() {
    let help = Program::new().argument("--help").run().stdout;
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
fn neither_help_nor_errors_contain_a_password() {
    let url = "postgres://orders:s3cret-word@localhost:1/orders?sslmode=nonsense";
    let pricing = "http://orders:s3cret-word@localhost:1/?nonsense";
    let help = Program::new().argument("--help").env("DATABASE_URL", url).env("ORDERS_PRICING_URL", pricing).run();
    assert!(help.status.success() && !help.output().contains("s3cret-word"), "{help:?}");
    for refused in [Program::new().database_url(url), Program::new().option("--pricing-url", pricing)] {
        let ended = refused.run();
        assert!(!ended.status.success() && !ended.output().contains("s3cret-word"), "{ended:?}");
    }
}
