//! The sinks as an operator sees and manages them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Database, eventually,
    program::Program,
    service::{Service, client},
};

/// The status and the body.
async fn call(service: &Service, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = client().request(method, format!("{}{path}", service.url));
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn sink(service: &Service) -> Value {
    let (status, body) = call(service, Method::GET, "/sinks/log", None).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn wait_for_position(service: &Service, position: u64) -> Value {
    eventually("the log sink is there", async || {
        let sink = sink(service).await;
        (sink["position"] == position).then_some(sink)
    })
    .await
}

#[tokio::test]
async fn an_operator_pauses_resumes_and_moves_a_sink_over_http() {
    let database = Database::new().await;
    let mut service = Program::new().database(&database).start();
    service.create_order().await;
    let state = wait_for_position(&service, 3).await;
    assert_eq!((&state["name"], &state["kind"], &state["state"]), (&json!("log"), &json!("log"), &json!("running")));
    assert_eq!((&state["lag_events"], &state["error"], &state["head"]), (&json!(0), &Value::Null, &json!(3)));
    let (status, list) = call(&service, Method::GET, "/sinks", None).await;
    assert!(status == 200 && list["sinks"].as_array().unwrap().iter().any(|sink| sink["name"] == "log"), "{list}");
    assert_eq!(service.get("/health/ready").await, json!({"status": "ready", "degraded_sinks": []}));

    let (status, paused) = call(&service, Method::POST, "/sinks/log/pause", None).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    let mut written = 3;
    eventually("an event that the paused sink does not receive", async || {
        service.create_order().await;
        written += 3;
        let sink = sink(&service).await;
        (sink["lag_events"].as_u64() >= Some(3) && sink["lag_seconds"].as_f64() > Some(1.0)).then_some(())
    })
    .await;
    let (status, resumed) = call(&service, Method::POST, "/sinks/log/resume", None).await;
    assert!(status == 200 && resumed["state"] != "paused", "{resumed}");
    wait_for_position(&service, written).await;

    let (status, moved) = call(&service, Method::POST, "/sinks/log/move", Some(&json!({"position": 1}))).await;
    assert_eq!((status, &moved["position"]), (200, &json!(1)));
    service.wait_for_line("position=2 ");
    wait_for_position(&service, written).await;
    let move_to = async |body: Value| call(&service, Method::POST, "/sinks/log/move", Some(&body)).await;
    for (body, status, code) in [
        (json!({"position": written + 1}), 422, "validation_failed"),
        (json!({"position": -1}), 422, "validation_failed"),
        (json!({"position": "1x"}), 422, "validation_failed"),
        (json!({"position": true}), 400, "invalid_body"),
        (json!({"position": 1, "time": "2026-01-31T12:00:00Z"}), 422, "validation_failed"),
        (json!({}), 422, "validation_failed"),
        (json!({"offset": 1}), 400, "invalid_body"),
    ] {
        let (answered, problem) = move_to(body.clone()).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{body}: {problem}");
    }
    let (status, moved) = move_to(json!({"position": "0000000000000000002"})).await;
    assert_eq!((status, &moved["position"]), (200, &json!(2)));
    let (status, moved) = move_to(json!({"time": "2999-01-01T00:00:00Z"})).await;
    assert_eq!((status, &moved["position"]), (200, &json!(written)));
    for path in ["/sinks/none", "/sinks/none/pause", "/sinks/none/move"] {
        let method = if path == "/sinks/none" { Method::GET } else { Method::POST };
        let body = path.ends_with("move").then(|| json!({"position": 0}));
        let (status, problem) = call(&service, method, path, body.as_ref()).await;
        assert_eq!((status, problem["code"].as_str()), (404, Some("sink_not_found")), "{path}");
    }
    service.stop();
}

#[tokio::test]
async fn the_log_lines_of_a_fleet_come_from_one_instance_and_go_on_after_a_stop() {
    let database = Database::new().await;
    let first = Program::new().database(&database).start();
    first.create_order().await;
    wait_for_position(&first, 3).await;
    let second = Program::new().database(&database).start();
    second.create_order().await;
    wait_for_position(&second, 6).await;
    let mut lines = first.stop();
    second.create_order().await;
    wait_for_position(&second, 9).await;
    lines += &second.stop();
    for position in 1..=9 {
        assert_eq!(lines.matches(&format!(" position={position} ")).count(), 1, "{position}: {lines}");
    }
}

#[tokio::test]
async fn orders_sinks_manages_the_sinks_while_the_service_runs_or_not() {
    let database = Database::new().await;
    let service = Program::new().database(&database).start();
    service.create_order().await;
    wait_for_position(&service, 3).await;
    let run = |arguments: &[&str]| {
        let program = arguments.iter().fold(Program::new().database(&database).argument("sinks"), Program::argument);
        let ended = program.run();
        (ended.status.success(), ended.output())
    };
    let (done, list) = run(&["list"]);
    assert!(done && list.contains("log  running  position 3  0 events behind"), "{list}");
    let (done, paused) = run(&["pause", "log"]);
    assert!(done && paused.contains("log  paused"), "{paused}");
    assert!(run(&["resume", "log"]).0);
    service.stop();
    let (done, moved) = run(&["move", "log", "--position", "1"]);
    assert!(done && moved.contains("log  unheld  position 1  2 events behind"), "{moved}");
    let (done, moved) = run(&["move", "log", "--time", "2999-01-01T00:00:00Z"]);
    assert!(done && moved.contains("position 3"), "{moved}");
    for wrong in [
        &["move", "log"][..],
        &["move", "log", "--position", "4"],
        &["move", "log", "--time", "yesterday"],
        &["pause", "none"],
    ] {
        let (done, error) = run(wrong);
        assert!(!done && !error.contains("panicked"), "{wrong:?}: {error}");
    }
    assert!(run(&["move", "log", "--position", "4"]).1.contains("a cursor can be at 0 to 3"));
    assert!(run(&["pause", "none"]).1.contains("there is no sink \"none\""));
}
