//! The wire format of events: what is stored and sent, and how it is described.

use std::{collections::BTreeSet, fs};

use orders::{
    app::{
        Audience, Cause, EVENT_TYPES, EventDataError, LoggedEvent, Numbers, cloud_event_schema, data_schema,
        decode_data, encode_data, event_type,
    },
    domain::{Actor, Currency, OrderEvent, OrderEventKind, Price},
};
use serde_json::{Value, json};

use crate::{
    setup::{created_at, id, tenant},
    support::project,
};

/// One event of each kind. The match names every kind, so a new kind does not compile before it has its place here.
fn one_of_each_kind() -> Vec<OrderEventKind> {
    let mut kinds =
        vec![OrderEventKind::OrderCreated { customer_id: "customer-7".parse().unwrap(), currency: Currency::EUR }];
    while let Some(next) = kinds.last().and_then(|kind| match kind {
        OrderEventKind::OrderCreated { .. } => Some(OrderEventKind::ItemAdded {
            line: 1,
            sku: "MOUSE456".parse().unwrap(),
            name: "Größe \"L\"".parse().unwrap(),
            quantity: 2.try_into().unwrap(),
            unit_price: Price::parse("29.9", Currency::EUR).unwrap(),
        }),
        OrderEventKind::ItemAdded { .. } => {
            Some(OrderEventKind::QuantityChanged { line: 1, quantity: 999.try_into().unwrap() })
        }
        OrderEventKind::QuantityChanged { .. } => Some(OrderEventKind::ItemRemoved { line: 1 }),
        OrderEventKind::ItemRemoved { .. } => Some(OrderEventKind::OrderPlaced),
        OrderEventKind::OrderPlaced => Some(OrderEventKind::OrderFulfilled),
        OrderEventKind::OrderFulfilled => {
            Some(OrderEventKind::OrderCancelled { reason: Some("Ordered twice".parse().unwrap()) })
        }
        OrderEventKind::OrderCancelled { .. } => None,
    }) {
        kinds.push(next);
    }
    kinds
}

#[test]
fn every_kind_of_event_reads_back_as_it_was_written_and_keeps_its_bytes() {
    let expected = [
        ("order.created.v1", r#"{"customer_id":"customer-7","currency":"EUR"}"#),
        (
            "order.item_added.v1",
            r#"{"line":1,"sku":"MOUSE456","name":"Größe \"L\"","quantity":2,"price":"29.90","currency":"EUR"}"#,
        ),
        ("order.quantity_changed.v1", r#"{"line":1,"quantity":999}"#),
        ("order.item_removed.v1", r#"{"line":1}"#),
        ("order.placed.v1", "{}"),
        ("order.fulfilled.v1", "{}"),
        ("order.cancelled.v1", r#"{"reason":"Ordered twice"}"#),
    ];
    let kinds = one_of_each_kind();
    let written: Vec<_> = kinds.iter().map(|kind| (event_type(kind), encode_data(kind).unwrap())).collect();
    assert_eq!(written.iter().map(|(name, data)| (*name, data.as_str())).collect::<Vec<_>>(), expected);
    for (kind, (name, data)) in kinds.iter().zip(&written) {
        assert_eq!(&decode_data(name, data).unwrap(), kind);
        // A newer release may add a field.
        let mut more: Value = serde_json::from_str(data).unwrap();
        more["added_later"] = json!({"n": 1});
        assert_eq!(&decode_data(name, &more.to_string()).unwrap(), kind);
    }
    let names: BTreeSet<_> = written.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, EVENT_TYPES.into());

    let without_reason = OrderEventKind::OrderCancelled { reason: None };
    assert_eq!(encode_data(&without_reason).unwrap(), "{}");
    assert_eq!(decode_data("order.cancelled.v1", "{}").unwrap(), without_reason);
}

#[test]
fn an_unknown_type_is_told_apart_from_data_that_no_release_writes() {
    assert!(
        matches!(decode_data("order.sung.v1", "{}"), Err(EventDataError::UnknownType(name)) if name == "order.sung.v1")
    );
    for malformed in ["", "[]", "{}", r#"{"line":-1}"#] {
        assert!(matches!(decode_data("order.item_removed.v1", malformed), Err(EventDataError::Malformed(_))));
    }
    let quantity = decode_data("order.quantity_changed.v1", r#"{"line":1,"quantity":0}"#);
    assert!(matches!(quantity, Err(EventDataError::Value { field: "quantity", .. })));
}

/// `scripts/prepare` writes the files, and so does `UPDATE=1 cargo test --test contract wire::`.
#[test]
fn docs_events_has_the_schema_of_every_type_and_the_data_is_valid_by_it() {
    let folder = project().join("docs/events");
    let update = std::env::var_os("UPDATE").is_some();
    for kind in one_of_each_kind() {
        let name = event_type(&kind);
        let schema = data_schema(name).unwrap();
        let file = folder.join(format!("{name}.json"));
        if update {
            fs::write(&file, &schema).unwrap();
        }
        assert!(fs::read_to_string(&file).is_ok_and(|text| text == schema), "{}: run scripts/prepare", file.display());
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let data = serde_json::from_str(&encode_data(&kind).unwrap()).unwrap();
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        assert!(validator.is_valid(&data), "{name}: {data}");
        assert_eq!(schema["title"], name);
        assert!(schema["examples"].as_array().unwrap().iter().all(|example| validator.is_valid(example)));
    }
    let files: BTreeSet<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, EVENT_TYPES.map(|name| format!("{name}.json")).into());
}

#[test]
fn every_event_is_a_cloud_event_by_the_schema() {
    let schema = cloud_event_schema();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    for kind in one_of_each_kind() {
        let data = encode_data(&kind).unwrap();
        let event =
            OrderEvent { event_id: id(9).as_uuid(), order_id: id(1), version: 1, occurred_at: created_at(1), kind };
        let actor = Actor { authtype: "user".into(), authid: "a \"b\"".to_owned() };
        let numbers = Numbers { position: 9, sequence: 7 };
        let cause = Cause {
            actor: Some(actor),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        };
        let mut logged = LoggedEvent::new(numbers, &tenant("default"), cause, &event, data);
        for event_type in [logged.event_type.clone(), "order.added_later.v2".to_owned()] {
            logged.event_type = event_type;
            let sent: Value = serde_json::from_str(&logged.cloud_event(Audience::AllTenants)).unwrap();
            let errors: Vec<_> = validator.iter_errors(&sent).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{sent}: {errors:?}");
            let members: Vec<_> = sent.as_object().unwrap().keys().cloned().collect();
            let described: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, described);
        }
    }
}

#[test]
fn a_cloud_event_keeps_its_bytes() {
    let kind = OrderEventKind::ItemRemoved { line: 1 };
    let data = encode_data(&kind).unwrap();
    let event = OrderEvent { event_id: id(9).as_uuid(), order_id: id(1), version: 3, occurred_at: created_at(1), kind };
    assert_eq!(
        LoggedEvent::new(Numbers { position: 9, sequence: 7 }, &tenant("default"), Cause::default(), &event, data)
            .cloud_event(Audience::Tenant),
        format!(
            r#"{{"specversion":"1.0","id":"{}","source":"/orders","type":"order.item_removed.v1","subject":"{}","time":"2026-01-31T12:00:01Z","sequence":"0000000000000000007","orderversion":3,"tenant":"default","partitionkey":"{}","datacontenttype":"application/json","data":{{"line":1}}}}"#,
            id(9),
            id(1),
            id(1)
        )
    );
}
