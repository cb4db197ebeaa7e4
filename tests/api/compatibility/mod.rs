//! A change of the API breaks no client, unless CHANGELOG.md says so.
//!
//! `docs/openapi.json` is a snapshot of `/openapi.json`, without its examples. The test compares the document of this build
//! with it:
//!
//! - Each break has a name, e.g. `DELETE /orders/{order_id}` or `Order.status`. CHANGELOG.md has to list the name, in
//!   backticks, under `### Breaking` in `## [Unreleased]`.
//! - The snapshot has to be current. `scripts/prepare` writes it, and so does `UPDATE=1`, but only when every break is listed.
//!
//! These changes are breaks, beside a route, status, media type, header, parameter or field that is gone:
//!
//! - in a request: a newly required field or parameter, fewer types or enum values, tighter bounds, another pattern or format;
//! - in a response: a field that may now be absent, more types, fewer enum values, another pattern or format.
//!
//! Clients have to ignore fields and enum values that they do not know, so new ones break nothing. The test does not compare
//! descriptions, summaries and examples.

mod breaks;
mod schema;

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{helpers::Api, support::project};

use breaks::{breaks, operations};

#[tokio::test]
async fn the_api_breaks_no_client_and_its_snapshot_is_current() {
    let document = without_examples(Api::in_memory().get("/openapi.json").await.body);
    let path = project().join("docs/openapi.json");
    let update = std::env::var_os("UPDATE").is_some();
    let snapshot = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) if update => document.clone(),
        Err(error) => panic!("{}: {error}: run scripts/prepare", path.display()),
    };

    let listed = listed_breaks(&fs::read_to_string(project().join("CHANGELOG.md")).unwrap());
    let unlisted: Vec<String> = breaks(&snapshot, &document)
        .into_iter()
        .filter(|(name, _)| !listed.contains(name))
        .map(|(name, reason)| format!("- `{name}`: {reason}"))
        .collect();
    assert!(
        unlisted.is_empty(),
        "This change breaks clients. Avoid it, or list it in CHANGELOG.md, under ### Breaking in ## [Unreleased]:\n{}",
        unlisted.join("\n")
    );

    if update {
        fs::write(path, serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
    } else {
        assert!(
            snapshot == document,
            "docs/openapi.json is not current: run scripts/prepare and commit what it writes"
        );
    }
}

/// Examples repeat the text of each problem on every route.
fn without_examples(mut document: Value) -> Value {
    for operation in operations(&mut document) {
        let bodies = operation.as_object_mut().unwrap().iter_mut().flat_map(|(field, value)| match field.as_str() {
            "requestBody" => vec![value],
            "responses" => value.as_object_mut().unwrap().values_mut().collect(),
            _ => vec![],
        });
        for media_type in bodies.filter_map(|body| body["content"].as_object_mut()).flat_map(|types| types.values_mut())
        {
            media_type.as_object_mut().unwrap().retain(|field, _| !field.starts_with("example"));
        }
    }
    document
}

/// The names in backticks under `### Breaking` in `## [Unreleased]`.
fn listed_breaks(changelog: &str) -> BTreeSet<String> {
    let unreleased = changelog.split("\n## ").find(|section| section.starts_with("[Unreleased]")).unwrap_or_default();
    let breaking = unreleased.split("\n### ").find(|section| section.starts_with("Breaking\n")).unwrap_or_default();
    breaking.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_break_counts_as_listed_only_below_its_heading() {
    let changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `GET /a`\n\n### Breaking\n\n- `GET /b`: gone, like\n  `B.c`.\n\n\
                     ### Fixed\n\n- `GET /d`\n\n## [1.0.0]\n\n### Breaking\n\n- `GET /e`\n";
    assert_eq!(listed_breaks(changelog), BTreeSet::from(["GET /b".to_owned(), "B.c".to_owned()]));
    assert_eq!(listed_breaks("## [1.0.0]\n\n### Breaking\n\n- `GET /e`\n"), BTreeSet::new());
}

/// A small API: a list with a filter, and a route that makes an entry of it.
fn example() -> Value {
    json!({
        "paths": {"/things": {
            "get": {
                "parameters": [{"in": "query", "name": "colour", "required": false, "schema": {"enum": ["red", "blue"]}}],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}
                    },
                    "404": {"content": {"application/problem+json": {"schema": {"allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"type": "object", "properties": {"code": {"enum": ["no_things", "no_shelf"]}}}
                    ]}}}}
                }
            },
            "post": {
                "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
            }
        }},
        "components": {"schemas": {
            "NewThing": {
                "type": "object", "required": ["name"], "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "maxLength": 9, "pattern": "^[a-z]+$"},
                    "size": {"type": ["integer", "null"], "minimum": 1},
                    "limit": {"anyOf": [{"type": "string"}, {"type": "integer"}]}
                }
            },
            "Thing": {"allOf": [
                {"$ref": "#/components/schemas/Named"},
                {"type": "object", "required": ["next"], "properties": {"next": {"type": "string"}, "inner": {"$ref": "#/components/schemas/Thing"}}}
            ]},
            "Named": {
                "type": "object", "required": ["name"],
                "properties": {"name": {"type": "string", "description": "What it is called."}, "colour": {"enum": ["red", "blue"]}}
            },
            "Problem": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}
        }}
    })
}

/// The names of the breaks after one change of the example: the value at the pointer becomes another one, or goes with null.
fn breaks_after(pointer: &str, value: Value) -> Vec<String> {
    let mut changed = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let name = name.replace("~1", "/");
    if value.is_null() {
        parent.remove(&name).unwrap();
    } else {
        parent.insert(name, value);
    }
    breaks(&example(), &changed).into_keys().collect()
}

#[test]
fn each_kind_of_break_is_found_by_its_name() {
    let cases = [
        ("/paths/~1things", json!(null), "GET /things, POST /things"),
        ("/paths/~1things/post", json!(null), "POST /things"),
        ("/paths/~1things/get/responses/404", json!(null), "GET /things 404"),
        ("/paths/~1things/get/responses/200/headers/ETag", json!(null), "GET /things 200 ETag"),
        (
            "/paths/~1things/get/responses/200/content/application~1json",
            json!(null),
            "GET /things 200 application/json",
        ),
        ("/paths/~1things/get/parameters", json!([]), "GET /things colour"),
        ("/paths/~1things/get/parameters/0/required", json!(true), "GET /things colour"),
        ("/paths/~1things/get/parameters/0/schema/enum", json!(["red"]), "GET /things colour"),
        (
            "/paths/~1things/post/parameters",
            json!([{"in": "header", "name": "X-Why", "required": true, "schema": {}}]),
            "POST /things X-Why",
        ),
        (
            "/paths/~1things/get/requestBody",
            json!({"required": true, "content": {"application/json": {"schema": {}}}}),
            "GET /things body",
        ),
        ("/paths/~1things/post/requestBody/content/application~1json", json!(null), "POST /things application/json"),
        ("/components/schemas/NewThing/required", json!(["name", "size"]), "NewThing.size"),
        ("/components/schemas/NewThing/properties/size", json!(null), "NewThing.size"),
        ("/components/schemas/NewThing/properties/size/type", json!("integer"), "NewThing.size"),
        ("/components/schemas/NewThing/properties/size/minimum", json!(2), "NewThing.size"),
        ("/components/schemas/NewThing/properties/size/maximum", json!(2), "NewThing.size"),
        ("/components/schemas/NewThing/properties/name/maxLength", json!(8), "NewThing.name"),
        ("/components/schemas/NewThing/properties/name/pattern", json!("^[a-y]+$"), "NewThing.name"),
        ("/components/schemas/NewThing/properties/name/format", json!("uuid"), "NewThing.name"),
        ("/components/schemas/NewThing/properties/limit/anyOf", json!([{"type": "string"}]), "NewThing.limit"),
        ("/components/schemas/Named/properties/name", json!(null), "Named.name"),
        ("/components/schemas/Named/required", json!([]), "Named.name"),
        ("/components/schemas/Named/properties/name/type", json!(["string", "null"]), "Named.name"),
        ("/components/schemas/Named/properties/name/type", json!(null), "Named.name"),
        ("/components/schemas/Named/properties/colour/enum", json!(["red"]), "Named.colour"),
        ("/components/schemas/Problem/properties/code/type", json!("integer"), "GET /things 404.code"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(breaks_after(pointer, value.clone()).join(", "), expected, "{pointer} {value}");
    }
}

#[test]
fn a_change_that_only_adds_or_explains_is_no_break() {
    let cases = [
        ("/paths/~1others", json!({"get": {"responses": {}}})),
        ("/paths/~1things/get/summary", json!("Lists the things")),
        ("/paths/~1things/get/responses/503", json!({"description": "Away"})),
        ("/paths/~1things/get/parameters/0/schema/enum", json!(["red", "blue", "green"])),
        ("/paths/~1things/post/requestBody/required", json!(false)),
        (
            "/paths/~1things/post/parameters",
            json!([{"in": "header", "name": "X-Why", "required": false, "schema": {}}]),
        ),
        ("/components/schemas/NewThing/required", json!([])),
        ("/components/schemas/NewThing/additionalProperties", json!(null)),
        ("/components/schemas/NewThing/properties/note", json!({"type": "string"})),
        ("/components/schemas/NewThing/properties/size/type", json!(["number", "null"])),
        ("/components/schemas/NewThing/properties/size/minimum", json!(null)),
        ("/components/schemas/NewThing/properties/name/maxLength", json!(10)),
        ("/components/schemas/NewThing/properties/name/pattern", json!(null)),
        ("/components/schemas/NewThing/properties/limit/anyOf", json!([{"type": "integer"}, {"type": "string"}, {}])),
        ("/components/schemas/Named/properties/name/description", json!("Its name.")),
        ("/components/schemas/Named/properties/note", json!({"type": "string"})),
        ("/components/schemas/Named/properties/colour/enum", json!(["red", "blue", "green"])),
        ("/components/schemas/Named/required", json!(["name", "colour"])),
    ];
    for (pointer, value) in cases {
        assert_eq!(breaks_after(pointer, value.clone()), [""; 0], "{pointer} {value}");
    }
}
