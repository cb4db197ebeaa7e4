//! The pages for people name everything that clients meet: routes, problems, statuses and actions.

use std::fs;

use orders::domain::{Action, Status};

use crate::{helpers::Api, support::project};

/// The README is a summary: it has no row for these.
const LEFT_OUT: [&str; 2] = ["/", "/problems/{code}"];

fn page(name: &str) -> String {
    fs::read_to_string(project().join(name)).unwrap()
}

/// The rows of a Markdown table that begin with this column, up to the next empty line.
fn table<'p>(page: &'p str, first_column: &str) -> &'p str {
    let (_, rows) = page.split_once(&format!("\n| {first_column} |")).expect("the page has the table");
    rows.split("\n\n").next().unwrap()
}

#[tokio::test]
async fn every_route_is_in_the_tables_of_api_md_and_of_the_readme() {
    let (api, readme) = (page("docs/API.md"), page("README.md"));
    let (api, readme) = (table(&api, "endpoint"), table(&readme, "method and path"));
    let document = Api::in_memory().get("/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|method| *method != "head") {
            let route = format!("`{} {path}`", method.to_uppercase());
            assert!(api.contains(&route), "{route} is not in the endpoints of docs/API.md");
        }
        // The README has one row for routes that belong together: `POST /orders/{order_id}/place`, `/cancel`, `/fulfil`.
        let last = path.rsplit_once('/').unwrap().1;
        let ways = [format!(" {path}`"), format!(" {path}?"), format!("`/{last}`")];
        let is_in = ways.iter().any(|way| readme.contains(way));
        assert!(is_in || LEFT_OUT.contains(&path.as_str()), "{path} is not in the table of README.md");
    }
}

#[tokio::test]
async fn every_kind_of_problem_is_in_the_table_of_api_md_with_its_status() {
    let api = page("docs/API.md");
    let table = table(&api, "status");
    let list = Api::in_memory().get("/problems").await.body;
    let mut kinds = 0;
    for entry in list.as_str().unwrap().split("<h2>").skip(1) {
        let (code, rest) = entry.split_once("<code>").unwrap().1.split_once("</code>").unwrap();
        let status = &rest.split_once("<p>").unwrap().1[..3];
        let is_listed =
            table.lines().any(|row| row.starts_with(&format!("| {status} |")) && row.contains(&format!("`{code}`")));
        assert!(is_listed, "{status} {code} is not in the table of docs/API.md");
        kinds += 1;
    }
    assert!(kinds > 15);
}

#[tokio::test]
async fn every_field_of_a_request_body_is_in_the_table_of_api_md() {
    let api = page("docs/API.md");
    let table = table(&api, "endpoint | field");
    let document = Api::in_memory().get("/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap().values();
    let bodies = paths
        .flat_map(|item| item.as_object().unwrap().values())
        .filter_map(|operation| operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str());
    for body in bodies {
        let schema = document.pointer(body.trim_start_matches('#')).unwrap();
        for field in schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys()) {
            assert!(table.contains(&format!("| `{field}` |")), "{field} of {body} is not in docs/API.md");
        }
    }
}

#[test]
fn domain_md_has_every_status_and_action() {
    let domain = page("docs/DOMAIN.md");
    let (_, diagram) = domain.split_once("```mermaid").unwrap();
    let diagram = diagram.split("```").next().unwrap();
    for status in Status::ALL {
        assert!(diagram.contains(&format!("--> {status}")), "{status} is not in the diagram of docs/DOMAIN.md");
    }
    let actions = table(&domain, "action");
    for action in Action::ALL {
        assert!(actions.contains(&format!("`{action}`")), "{action} is not in the table of docs/DOMAIN.md");
    }
}
