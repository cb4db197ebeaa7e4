//! The list of operations in `schemathesis.toml` agrees with the OpenAPI document.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{helpers::Api, support::project};

/// A write can be valid and be refused for an earlier one. A read can name a version or a position that there is not.
/// `schemathesis.toml` lists those statuses for each operation.
#[tokio::test]
async fn the_fuzzer_expects_the_documented_refusals_of_valid_requests() {
    let document = Api::in_memory().get("/openapi.json").await.body;
    let settings: toml::Table = fs::read_to_string(project().join("schemathesis.toml")).unwrap().parse().unwrap();
    let mut expected = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_write = !["get", "head"].contains(&method.as_str());
            // The fuzzer leaves out the stream, which does not end.
            let is_stream = (path.as_str(), method.as_str()) == ("/events/stream", "get");
            if is_write || !is_stream && (is_conditional(operation) || names_position(operation)) {
                expected.insert((format!("{} {path}", method.to_uppercase()), refusals(operation)));
            }
        }
    }
    let mut listed = BTreeSet::new();
    for operation in settings["operations"].as_array().unwrap() {
        let name = &operation["include-name"];
        if operation.get("enabled").is_some() {
            assert_eq!(name.as_str(), Some("GET /events/stream"), "the only operation that the fuzzer leaves out");
            continue;
        }
        let statuses = &operation["checks"]["positive_data_acceptance"]["expected-statuses"];
        let statuses = statuses.as_array().unwrap().iter().map(|status| status.as_str().unwrap().to_owned());
        assert!(listed.insert((name.as_str().unwrap().to_owned(), statuses.collect())), "{name:?} is listed twice");
    }
    assert_eq!(listed, expected);
}

/// The statuses that a valid request can get because of what came before it.
fn refusals(operation: &Value) -> Vec<String> {
    let documented = ["304", "404", "409", "410", "412", "422"].into_iter().filter(|status| {
        operation["responses"].get(status).is_some() && (*status != "412" || is_conditional(operation))
    });
    std::iter::once("2xx").chain(documented).map(str::to_owned).collect()
}

fn is_conditional(operation: &Value) -> bool {
    operation["parameters"].as_array().unwrap().iter().any(|parameter| parameter["name"] == "If-Match")
}

fn names_position(operation: &Value) -> bool {
    let gone = &operation["responses"]["410"]["description"];
    gone.as_str().is_some_and(|text| text.contains("`position_ahead`"))
}
