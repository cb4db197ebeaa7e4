use std::{collections::BTreeSet, fs};

use orders::app::EVENT_TYPES;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    helpers::{Answer, Api, on_each_store},
    support::{Database, PATIENCE, project, restore, retire},
};

on_each_store! {
    the_feed_has_every_event_by_position_as_a_cloud_event,
    an_event_has_the_trace_of_the_request_that_caused_it_if_there_was_one,
    the_link_of_every_page_leads_to_the_next_one,
    the_feed_is_filtered_by_type_and_order,
    a_waiting_reader_receives_an_event_when_it_is_written,
    a_waiting_reader_receives_only_the_events_of_its_filter,
    a_wait_without_an_event_ends_with_an_empty_page,
    a_position_ahead_of_the_event_log_is_a_410_with_the_last_position,
    parameters_of_the_feed_are_refused_by_name,
    the_data_of_every_event_matches_its_schema,
}

fn positions(answer: &Answer) -> Vec<u64> {
    answer.body.as_array().unwrap().iter().map(|e| e["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

async fn the_feed_has_every_event_by_position_as_a_cloud_event(api: Api) {
    assert_eq!(api.get("/events").await.body, json!([]));
    let order = api.order().await;
    let feed = api.get("/events").await;
    assert_eq!((feed.status.as_u16(), feed.header("content-type")), (200, "application/cloudevents-batch+json"));
    assert_eq!(positions(&feed), [1, 2, 3]);
    let event = &feed.body[0];
    assert_eq!(
        *event,
        json!({
            "specversion": "1.0", "id": event["id"], "source": "/orders", "type": "order.created.v1",
            "subject": order["order_id"], "time": order["created_at"], "sequence": "0000000000000000001",
            "orderversion": 1, "tenant": "default", "partitionkey": order["order_id"], "datacontenttype": "application/json",
            "data": {"customer_id": "customer-1", "currency": "EUR"},
        })
    );
    assert_eq!(positions(&api.get("/events?after=1").await), [2, 3]);
    assert_eq!(positions(&api.get("/events?after=0000000000000000001").await), [2, 3]);
    assert_eq!(positions(&api.get("/events?after=1&limit=1").await), [2]);
    assert_eq!(positions(&api.get("/events?after=3").await), [] as [u64; 0]);
    let head = Answer::receive(api.request(Method::HEAD, "/events?after=3&wait=60")).await;
    assert_eq!((head.status.as_u16(), head.header("content-type")), (200, "application/cloudevents-batch+json"));
    let ask = |accept: &'static str| Answer::receive(api.request(Method::GET, "/events").header("accept", accept));
    for (accept, media_type) in [
        ("application/json", "application/json"),
        ("application/json, application/problem+json", "application/json"),
        ("application/json, application/cloudevents-batch+json;q=0.9", "application/json"),
        ("application/json, application/cloudevents-batch+json", "application/cloudevents-batch+json"),
        ("application/*", "application/cloudevents-batch+json"),
        ("application/json;q=0, */*", "application/cloudevents-batch+json"),
    ] {
        let answer = ask(accept).await;
        assert_eq!(answer.header("content-type"), media_type, "{accept}");
        assert!(answer.header("vary").starts_with("accept"));
        assert_eq!(positions(&answer), [1, 2, 3]);
    }
    let html = api.request(Method::GET, "/events").header("accept", "text/html");
    Answer::receive(html).await.assert_problem(406, "not_acceptable");
}

async fn an_event_has_the_trace_of_the_request_that_caused_it_if_there_was_one(api: Api) {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let body = json!({"customer_id": "c", "items": [{"sku": "MOUSE456", "quantity": 1}]});
    let traced = api.request(Method::POST, "/orders").header("traceparent", traceparent).json(&body);
    assert_eq!(Answer::receive(traced).await.status, 201);
    assert_eq!(api.post("/orders", &body).await.status, 201);
    let malformed = api.request(Method::POST, "/orders").header("traceparent", "00-0-0-00").json(&body);
    assert_eq!(Answer::receive(malformed).await.status, 201);
    let feed = api.get("/events").await;
    let sent: Vec<_> = feed.body.as_array().unwrap().iter().map(|event| event["traceparent"].as_str()).collect();
    assert_eq!(sent, [Some(traceparent), Some(traceparent), None, None, None, None]);
}

async fn the_link_of_every_page_leads_to_the_next_one(api: Api) {
    api.order().await;
    api.order().await;
    let mut next = "/events?limit=4".to_owned();
    let mut seen = Vec::new();
    for expected in [4, 2, 0] {
        let page = api.get(&next).await;
        assert_eq!(positions(&page).len(), expected);
        seen.extend(positions(&page));
        next = page.header("link").strip_prefix('<').unwrap().split_once(">; rel=\"next\"").unwrap().0.into();
    }
    assert_eq!((seen, next.as_str()), ((1..=6).collect(), "/events?after=6&limit=4"));
    // A page without a match links to the next one, too.
    let filtered = api.get("/events?type=order.placed.v1").await;
    let link = |relation: &str, position| {
        format!("</events?after={position}&limit=100&type=order.placed.v1>; rel=\"{relation}\"")
    };
    assert_eq!(filtered.header("link"), format!("{}, {}", link("next", 6), link("last", 6)));
}

async fn the_feed_is_filtered_by_type_and_order(api: Api) {
    let (_, second) = (api.order().await, api.order().await);
    let id = second["order_id"].as_str().unwrap();
    assert_eq!(positions(&api.get("/events?type=order.created.v1").await), [1, 4]);
    assert_eq!(positions(&api.get(&format!("/events?order_id={id}")).await), [4, 5, 6]);
    assert_eq!(positions(&api.get(&format!("/events?order_id={id}&after=4&limit=1")).await), [5]);
    let both = format!("/events?order_id={id}&type=order.item_added.v1,order.placed.v1");
    assert_eq!(positions(&api.get(&both).await), [5, 6]);
    let nobody = "/events?order_id=01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(positions(&api.get(nobody).await), [] as [u64; 0]);
}

async fn a_waiting_reader_receives_an_event_when_it_is_written(api: Api) {
    api.order().await;
    let (page, _) = tokio::join!(api.get("/events?after=3&wait=60"), async {
        // The reader gets the order's events whether its wait has begun or not.
        api.order().await
    });
    let received = positions(&page);
    assert!(!received.is_empty() && received == (4..4 + received.len() as u64).collect::<Vec<_>>(), "{received:?}");
}

async fn a_waiting_reader_receives_only_the_events_of_its_filter(api: Api) {
    let path = api.order_path().await;
    let (page, ()) = tokio::join!(api.get("/events?after=3&wait=60&type=order.placed.v1"), async {
        api.order().await;
        api.post_nothing(&format!("{path}/place")).await;
    });
    assert_eq!(positions(&page), [7]);
}

async fn a_wait_without_an_event_ends_with_an_empty_page(api: Api) {
    let page = tokio::time::timeout(PATIENCE, api.get("/events?wait=1")).await.unwrap();
    assert_eq!((page.status.as_u16(), page.body), (200, json!([])));
}

async fn a_position_ahead_of_the_event_log_is_a_410_with_the_last_position(api: Api) {
    api.get("/events?after=1").await.assert_problem(410, "position_ahead");
    api.order().await;
    for query in ["after=4", "after=4&wait=60", "after=4&type=order.placed.v1", "after=9223372036854775807"] {
        for path in [format!("/events?{query}"), format!("/events/stream?{}", query.replace("&wait=60", ""))] {
            let ahead = api.get(&path).await;
            ahead.assert_problem(410, "position_ahead");
            assert_eq!(ahead.body["last_position"], "3", "{path}");
        }
    }
    let resumed = api.request(Method::GET, "/events/stream?after=0").header("last-event-id", "4");
    Answer::receive(resumed).await.assert_problem(410, "position_ahead");
    // The last position itself is not ahead.
    assert_eq!(positions(&api.get("/events?after=3&wait=1").await), [] as [u64; 0]);
    api.resume("/events/stream", "3").await;
}

async fn parameters_of_the_feed_are_refused_by_name(api: Api) {
    for (query, name) in [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=9223372036854775808", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=61", "wait"),
        ("wait=0.5", "wait"),
        ("type=order.sung.v1", "type"),
        ("type=", "type"),
        ("order_id=7", "order_id"),
    ] {
        let refused = api.get(&format!("/events?{query}")).await;
        refused.assert_problem(400, "invalid_parameter");
        assert_eq!(refused.errors(), [(name, "invalid")], "{query}");
    }
    assert_eq!(api.get("/events?tenant=other").await.errors(), [("tenant", "unknown")]);
}

#[tokio::test]
async fn retired_positions_are_a_410() {
    let database = Database::new().await;
    let api = Api::builder().start_on(database.store());
    for _ in 0..2 {
        api.order().await;
    }
    retire(&database, 2).await;
    for path in ["/events", "/events?after=1", "/events?after=1&type=order.placed.v1", "/events/stream?after=0"] {
        let gone = api.get(path).await;
        gone.assert_problem(410, "position_retired");
        assert_eq!(gone.body["earliest_position"], "3");
    }
    assert_eq!(positions(&api.get("/events?after=2").await), [3, 4, 5, 6]);
    // With every event retired, the positions continue.
    retire(&database, 6).await;
    api.get("/events?after=5").await.assert_problem(410, "position_retired");
    assert_eq!(positions(&api.get("/events?after=6").await), [] as [u64; 0]);
    api.order().await;
    assert_eq!(positions(&api.get("/events?after=6").await), [7, 8, 9]);
}

#[tokio::test]
async fn a_stream_ends_when_the_event_log_is_restored_from_an_older_state() {
    let database = Database::new().await;
    let api = Api::builder().start_on(database.store());
    for _ in 0..3 {
        api.order().await;
    }
    let mut streams = [api.follow("/events/stream").await, api.follow("/events/stream?type=order.placed.v1").await];
    let (waiting, ()) = tokio::join!(api.get("/events?after=9&wait=60"), async {
        for stream in &mut streams {
            stream.block().await.unwrap();
        }
        restore(&database, 3).await;
    });
    waiting.assert_problem(410, "position_ahead");
    for stream in &mut streams {
        while let Some(block) = stream.block().await {
            // Nothing but heartbeats arrives before the end.
            assert_eq!(block[0], (String::new(), "still there".to_owned()));
        }
    }
    let resumed = api.request(Method::GET, "/events/stream").header("last-event-id", "9");
    assert_eq!(Answer::receive(resumed).await.assert_problem(410, "position_ahead").body["last_position"], "3");
    // A client that begins again at the end receives what is new.
    let mut again = api.resume("/events/stream", "3").await;
    api.order().await;
    for position in 4..=6 {
        assert_eq!(again.event().await.unwrap().0, position);
    }
}

#[tokio::test]
async fn retired_events_of_an_order_are_a_410_and_the_order_is_still_served() {
    let database = Database::new().await;
    let api = Api::builder().start_on(database.store());
    let create = || {
        let request = api.request(Method::POST, "/orders").header("idempotency-key", "k");
        Answer::receive(request.json(&json!({"customer_id": "c", "items": [{"sku": "MOUSE456", "quantity": 1}]})))
    };
    let created = create().await;
    let path = created.header("location").to_owned();
    let whole = api.order_path().await;
    for position in [1, 2] {
        retire(&database, position).await;
        for gone in ["?as_of=1", "?as_of=2", "?as_of=2999-01-01T00:00:00Z", "/events", "/events?after=1"] {
            // Events behind the gap are served until they are retired, too.
            if position == 1 && gone == "/events?after=1" {
                assert_eq!(api.get(&format!("{path}{gone}")).await.body["events"][0]["orderversion"], 2);
            } else {
                api.get(&format!("{path}{gone}")).await.assert_problem(410, "position_retired");
            }
        }
        assert_eq!(api.get(&path).await.body, created.body);
        // A repeated request gets the order as it is now.
        let again = create().await;
        assert_eq!(
            (again.status, again.header("idempotent-replayed"), &again.body),
            (created.status, "true", &created.body)
        );
    }
    assert_eq!(api.get(&format!("{whole}?as_of=3")).await.status, 200);
    assert_eq!(api.get(&format!("{path}/events?after=2")).await.body["events"], json!([]));
}

/// Orders with every kind of event and every final status.
async fn whole_lives(api: &Api) {
    for end in ["fulfil", "cancel"] {
        let path = api.order_path().await;
        api.patch(&format!("{path}/items/1"), &json!({"quantity": 2})).await;
        api.delete(&format!("{path}/items/2")).await;
        api.post_nothing(&format!("{path}/place")).await;
        api.post_nothing(&format!("{path}/{end}")).await;
    }
    api.post(&format!("{}/cancel", api.order_path().await), &json!({"reason": "Ordered twice"})).await;
}

async fn the_data_of_every_event_matches_its_schema(api: Api) {
    whole_lives(&api).await;
    let folder = project().join("docs/events");
    let schema = |kind: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap()).unwrap()
    };
    let mut seen = BTreeSet::new();
    for event in api.get("/events?limit=1000").await.body.as_array().unwrap() {
        let kind = event["type"].as_str().unwrap();
        let validator = jsonschema::validator_for(&schema(kind)).unwrap();
        let errors: Vec<_> = validator.iter_errors(&event["data"]).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{event}: {errors:?}");
        seen.insert(kind.to_owned());
    }
    assert_eq!(seen, EVENT_TYPES.map(str::to_owned).into());
}

#[test]
fn docs_events_has_a_closed_schema_with_examples_for_every_type() {
    let folder = project().join("docs/events");
    let files: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, EVENT_TYPES.map(|kind| format!("{kind}.json")).into());
    let domain = fs::read_to_string(project().join("docs/DOMAIN.md")).unwrap();
    for kind in EVENT_TYPES {
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap()).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{kind}");
        assert_eq!((&schema["title"], &schema["additionalProperties"]), (&json!(kind), &json!(false)));
        // Each schema has an example, allows it, and allows no further field.
        let validator = jsonschema::validator_for(&schema).unwrap();
        for example in schema["examples"].as_array().unwrap() {
            assert!(validator.is_valid(example), "{kind}: {example}");
            let mut more = example.clone();
            more["more"] = json!(1);
            assert!(!validator.is_valid(&more), "{kind}");
        }
        assert!(domain.contains(&format!("(events/{kind}.json)")), "{kind} is not in docs/DOMAIN.md");
    }
}
