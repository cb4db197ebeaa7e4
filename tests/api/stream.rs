use std::time::Duration;

use orders::infra::InProcessBus;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    builder::WAITING_CLIENTS,
    helpers::{Answer, Api, on_each_store},
    support::{Database, PATIENCE, eventually},
};

on_each_store! {
    a_stream_sends_new_events_with_their_positions,
    a_stream_begins_behind_the_requested_position,
    a_stream_resumes_from_last_event_id,
    a_stream_is_filtered_by_type_and_order,
    a_silent_stream_sends_comments_with_its_position,
    parameters_of_a_stream_are_refused_by_name,
}

async fn a_stream_sends_new_events_with_their_positions(api: Api) {
    api.order().await;
    let mut follower = api.follow("/events/stream").await;
    let opening = follower.block().await.unwrap();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(opening, [field("retry", "1000"), field("", "still there"), field("id", "3")]);
    let order = api.order().await;
    for (position, kind) in [(4, "order.created.v1"), (5, "order.item_added.v1"), (6, "order.item_added.v1")] {
        let (id, event, data) = follower.event().await.unwrap();
        assert_eq!((id, event.as_str()), (position, kind));
        assert_eq!((&data["subject"], &data["sequence"]), (&order["order_id"], &json!(format!("{position:019}"))));
        // The feed has the same object.
        assert_eq!(api.get(&format!("/events?after={}&limit=1", position - 1)).await.body[0], data);
    }
}

async fn a_stream_begins_behind_the_requested_position(api: Api) {
    api.order().await;
    for (path, first) in [("/events/stream?after=0", 1), ("/events/stream?after=2", 3)] {
        assert_eq!(api.follow(path).await.event().await.unwrap().0, first);
    }
    let head = Answer::receive(api.request(Method::HEAD, "/events/stream")).await;
    assert_eq!((head.status.as_u16(), head.header("content-type")), (200, "text/event-stream"));
}

async fn a_stream_resumes_from_last_event_id(api: Api) {
    api.order().await;
    let mut follower = api.follow("/events/stream?after=0").await;
    let (last, ..) = follower.event().await.unwrap();
    drop(follower);
    api.order().await;
    // `Last-Event-ID` overrides `after`.
    let mut follower = api.resume("/events/stream?after=0", &last.to_string()).await;
    for expected in last + 1..=6 {
        assert_eq!(follower.event().await.unwrap().0, expected);
    }
    api.order().await;
    assert_eq!(follower.event().await.unwrap().0, 7);
}

async fn a_stream_is_filtered_by_type_and_order(api: Api) {
    let path = api.order_path().await;
    let id = path.strip_prefix("/orders/").unwrap();
    let mut of_order = api.follow(&format!("/events/stream?order_id={id}")).await;
    let mut of_type = api.follow("/events/stream?type=order.placed.v1,order.cancelled.v1&after=0").await;
    api.order().await;
    api.post_nothing(&format!("{path}/place")).await;
    assert_eq!(of_order.event().await.unwrap().0, 7);
    assert_eq!(of_type.event().await.unwrap().0, 7);
    api.post_nothing(&format!("{path}/cancel")).await;
    assert_eq!(of_type.event().await.unwrap().1, "order.cancelled.v1");
}

async fn a_silent_stream_sends_comments_with_its_position(api: Api) {
    let mut follower = api.follow("/events/stream?type=order.placed.v1").await;
    follower.block().await.unwrap();
    api.order().await;
    // The position counts events that the filter skips: a client that resumes does not search them again.
    let id = ("id".to_owned(), "3".to_owned());
    while follower.block().await.unwrap().last() != Some(&id) {}
}

async fn parameters_of_a_stream_are_refused_by_name(api: Api) {
    for (query, name) in [("after=x", "after"), ("type=x", "type"), ("order_id=x", "order_id")] {
        let refused = api.get(&format!("/events/stream?{query}")).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [(name, "invalid")]);
    }
    assert_eq!(api.get("/events/stream?wait=5").await.errors(), [("wait", "unknown")]);
    for malformed in ["x", "-1", "1 2", "9223372036854775808", "00000000000000000001"] {
        let request = api.request(Method::GET, "/events/stream").header("last-event-id", malformed);
        let refused = Answer::receive(request).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [("last-event-id", "invalid")]);
    }
    let refused =
        Answer::receive(api.request(Method::GET, "/events/stream").header("accept", "application/json")).await;
    refused.assert_problem(406, "not_acceptable");
}

#[tokio::test]
async fn a_stream_sends_the_events_of_other_instances() {
    let database = Database::new().await;
    let (here, there) = (Api::builder().start_on(database.store()), Api::builder().start_on(database.store()));
    let mut follower = here.follow("/events/stream").await;
    let order = there.order().await;
    assert_eq!(follower.event().await.unwrap().2["subject"], order["order_id"]);
}

/// An order of 200 lines: 201 events at once.
async fn large_order(api: &Api) {
    let items = vec![json!({"sku": "HEADPHONE654", "quantity": 999}); 200];
    let created = api.post("/orders", &json!({"customer_id": "c", "items": items})).await;
    assert_eq!(created.status, 201);
}

/// A connection with a small receive buffer that requests the stream.
async fn small_connection(api: &Api) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(api.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    connection.write_all(b"GET /events/stream HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    connection
}

#[tokio::test]
async fn a_slow_client_is_disconnected_and_resumes_without_a_gap() {
    let bus = InProcessBus::new(256);
    let api = Api::builder().bus(bus.clone()).start();
    let mut slow = small_connection(&api).await;
    eventually("the stream is open", async || (bus.subscribers() == 1).then_some(())).await;
    // The service writes hundreds of events for each that the client reads.
    let mut received = Vec::new();
    let (mut orders, mut open) = (0, true);
    while open {
        for _ in 0..4 {
            large_order(&api).await;
        }
        orders += 4;
        let mut some = (&mut slow).take(64 * 1024);
        tokio::time::timeout(PATIENCE, some.read_to_end(&mut received)).await.unwrap().unwrap();
        open = bus.subscribers() > 0;
        assert!(orders < 2000, "the service does not disconnect the client");
    }
    // The bytes in transit arrive, and then the end.
    tokio::time::timeout(PATIENCE, slow.read_to_end(&mut received)).await.unwrap().unwrap();
    let received = String::from_utf8_lossy(&received);
    let lines: Vec<&str> = received.lines().collect();
    // Only the ids of events: a comment repeats the last one.
    let of_events = lines.windows(2).filter(|pair| pair[1].starts_with("event: ")).map(|pair| pair[0]);
    let ids: Vec<u64> = of_events.map(|id| id.strip_prefix("id: ").unwrap().parse().unwrap()).collect();
    let last = *ids.last().unwrap();
    assert_eq!(ids, (1..=last).collect::<Vec<_>>());
    assert!(last < orders * 201, "the client received every event");

    let mut resumed = api.resume("/events/stream", &last.to_string()).await;
    for expected in last + 1..=orders * 201 {
        assert_eq!(resumed.event().await.unwrap().0, expected);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let bus = InProcessBus::new(300);
    let api = Api::builder().bus(bus.clone()).send_timeout(Duration::from_secs(1)).start();
    let _stalled = small_connection(&api).await;
    eventually("the stream is open", async || (bus.subscribers() == 1).then_some(())).await;
    for _ in 0..60 {
        large_order(&api).await;
    }
    eventually("the stream is gone", async || (bus.subscribers() == 0).then_some(())).await;
}

#[tokio::test]
async fn the_maximum_number_of_streams_gets_every_event_and_one_more_is_a_503() {
    let api = Api::in_memory();
    let mut followers = Vec::new();
    for _ in 0..WAITING_CLIENTS {
        followers.push(api.follow("/events/stream").await);
    }
    for path in ["/events/stream", "/events?wait=60"] {
        let refused = api.get(path).await;
        refused.assert_problem(503, "too_many_streams");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let order: Value = api.order().await;
    for follower in &mut followers {
        for position in 1..=3 {
            let (id, _, data) = follower.event().await.unwrap();
            assert_eq!((id, &data["subject"]), (position, &order["order_id"]));
        }
    }
}
