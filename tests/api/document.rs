//! The OpenAPI document describes what the service does: every answer of every test is compared with it.

use std::collections::BTreeSet;

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    helpers::{Answer, Api, on_each_store},
    support::service::client,
};

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

on_each_store! {
    every_route_is_documented_and_every_documented_route_is_served,
    sets_that_may_grow_are_open_and_the_others_are_closed,
}

/// Asserts that the status, the headers and the body are documented for this route.
pub(crate) async fn assert_documented(method: &Method, url: &Url, answer: &Answer) {
    let document = DOCUMENT.get_or_init(|| async { fetch(url).await }).await;
    let Some((template, path)) = documented_path(document, url.path()) else {
        return assert_outside_the_document(method, url, answer);
    };
    let method = method.as_str().to_ascii_lowercase();
    let Some(operation) = path.get(&method) else { return assert_not_a_method(&method, template, answer) };
    let status = answer.status.as_str();
    let Some(response) = operation["responses"].get(status) else {
        panic!("{method} {template} answered {status}, which is not documented: {answer:?}");
    };
    for (name, _) in response["headers"].as_object().into_iter().flatten() {
        let is_conditional = method == "head"
            || ["Link", "Idempotent-Replayed"].contains(&name.as_str())
            || (status == "412" && name == "ETag");
        assert!(is_conditional || !answer.header(name).is_empty(), "{method} {template} {status} has no {name}");
    }
    let media_type = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
    if answer.body == json!("") || method == "head" {
        return;
    }
    assert!(response["content"].get(&media_type).is_some(), "{method} {template} {status} has the type {media_type}");
    if media_type.ends_with("json") {
        // RFC 6901, sections 3 and 6.
        let escape = |text: &str| {
            text.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D").replace('+', "%2B")
        };
        let place =
            format!("#/paths/{}/{method}/responses/{status}/content/{}/schema", escape(template), escape(&media_type));
        let mut schema = document.clone();
        schema["$ref"] = place.into();
        let validator = jsonschema::validator_for(&schema).unwrap();
        if media_type == "application/problem+json" {
            let examples = &response["content"][&media_type]["examples"];
            let code = answer.body["code"].as_str().unwrap();
            assert!(examples.get(code).is_some(), "{method} {template} {status} has no example of {code}");
        }
        let errors: Vec<String> =
            validator.iter_errors(&answer.body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {template} {status}: {errors:?} in {}", answer.body);
    }
}

/// The document leaves out the pages of the console and of Swagger UI. No other path may answer.
fn assert_outside_the_document(method: &Method, url: &Url, answer: &Answer) {
    let path = url.path();
    let is_page = ["/app", "/docs"].iter().any(|page| path == *page || path.starts_with(&format!("{page}/")));
    let is_unknown = answer.status == 404 && answer.body["code"] == "route_not_found";
    assert!(is_page || is_unknown, "{method} {path} is not documented and answered {answer:?}");
}

/// A method that the document leaves out is refused, except for `OPTIONS`, which lists the methods.
fn assert_not_a_method(method: &str, template: &str, answer: &Answer) {
    let is_refused = answer.status == 405 && answer.body["code"] == "method_not_allowed";
    assert!(is_refused || method == "options", "{method} {template} is not documented and answered {answer:?}");
}

async fn fetch(url: &Url) -> Value {
    let mut url = url.clone();
    url.set_path("/openapi.json");
    url.set_query(None);
    client().get(url).send().await.unwrap().json().await.unwrap()
}

/// The template that matches the path; of several, the one with the fewest parameters.
fn documented_path<'d>(document: &'d Value, path: &str) -> Option<(&'d str, &'d Value)> {
    let matches = |template: &str| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| a == b || (a.starts_with('{') && !b.is_empty()))
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let found =
        paths.filter(|(template, _)| matches(template)).min_by_key(|(template, _)| template.matches('{').count());
    found.map(|(template, item)| (template.as_str(), item))
}

async fn sets_that_may_grow_are_open_and_the_others_are_closed(api: Api) {
    let document = api.get("/openapi.json").await.body;
    let schema = |place: &str| document.pointer(&format!("/components/schemas/{place}")).unwrap();
    for (open, example) in [
        ("NewItem/properties/sku", "LAPTOP123"),
        ("CloudEvent/properties/type", "order.placed.v1"),
        ("OrderSummary/properties/status", "fulfilled"),
        ("OrderSummary/properties/allowed_actions/items", "cancel"),
        ("DisallowedAction/properties/action", "cancel"),
    ] {
        let schema = schema(open);
        assert_eq!((&schema["type"], &schema["enum"]), (&json!("string"), &json!(null)), "{open}");
        assert!(schema["examples"].as_array().unwrap().contains(&json!(example)), "{open}: {schema}");
    }
    // An item can be ordered in lower case.
    let item = jsonschema::validator_for(schema("NewItem/properties/sku")).unwrap();
    assert!(item.is_valid(&json!("laptop123")) && item.is_valid(&json!("ADDED9876")) && !item.is_valid(&json!("x")));
    for (closed, count) in [("NewOrders/properties/error_policy", 2), ("NewOrder/properties/currency", 150)] {
        assert!(schema(closed)["enum"].as_array().unwrap().len() >= count, "{closed}");
    }
    // No other schema of a response names every value.
    let of_responses = ["Order", "OrderSummary", "Item", "DisallowedAction", "CloudEvent", "Problem", "History"];
    for name in of_responses {
        assert!(!schema(name).to_string().contains("\"enum\""), "{name}");
    }
}

async fn every_route_is_documented_and_every_documented_route_is_served(api: Api) {
    let document = api.get("/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    for (template, item) in document["paths"].as_object().unwrap() {
        let documented: BTreeSet<String> =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        let path = template
            .replace("{order_id}", "01890a5d-ac96-774b-bcce-b302099a8057")
            .replace("{code}", "lost_race")
            .replace("{line}", "1");
        let options = Answer::receive(api.request(Method::OPTIONS, &path)).await;
        let served: BTreeSet<String> =
            options.header("allow").split(", ").map(str::to_owned).filter(|method| method != "OPTIONS").collect();
        assert_eq!(documented, served, "{template}");
    }
    // Each kind of problem that a route can have has a page.
    let text = document.to_string();
    let codes: BTreeSet<&str> = text
        .split("/problems/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        let page = api.get(&format!("/problems/{code}")).await;
        assert!(page.status == 200 && page.body.as_str().unwrap().contains(code), "{code}");
    }
    api.get("/problems/nonsense").await.assert_problem(404, "route_not_found");
    assert!(api.get("/problems").await.body.as_str().unwrap().contains("lost_race"));
}

#[tokio::test]
async fn swagger_ui_is_served_from_the_binary_and_loads_nothing_from_other_hosts() {
    let api = Api::in_memory();
    let redirect = api.get("/docs").await;
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (307, "/docs/"));
    let page = api.get("/docs/").await;
    assert_eq!(page.status, 200);
    let html = page.body.as_str().unwrap();
    assert!(html.contains("swagger-ui") && !html.contains("//"), "{html}");
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js"]
    {
        assert_eq!(api.get(&format!("/docs/{file}")).await.status, 200, "{file}");
    }
    let settings = api.get("/docs/swagger-initializer.js").await.body.as_str().unwrap().to_owned();
    assert!(settings.contains("\"/openapi.json\"") && settings.contains("\"validatorUrl\": \"none\""), "{settings}");
}
