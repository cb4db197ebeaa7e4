//! `routes.rs` shows everything that the server serves, and the lists of routes elsewhere agree with it.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{helpers::Api, support::project};

/// Where a route may be registered: the list of all routes, and the code that builds one of them.
const REGISTERS: [&str; 2] = ["routes.rs", "routing/endpoint.rs"];

/// Where a page of many files is built. `routes.rs` has its path, and registers it.
const PAGES: [&str; 2] = ["service/console.rs", "service/docs.rs"];

#[test]
fn every_route_is_registered_in_routes_rs() {
    let src = project().join("src/http");
    for file in rust_files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        let found = registrations(&fs::read_to_string(&file).unwrap());
        let allowed: &[&str] = match name.as_str() {
            name if REGISTERS.contains(&name) => continue,
            name if PAGES.contains(&name) => &["scope", "service"],
            "server.rs" => &["configure"],
            _ => &[],
        };
        let other: Vec<_> = found.iter().filter(|(call, _)| !allowed.contains(&call.as_str())).collect();
        assert!(other.is_empty(), "{name} registers a route: {other:?}");
    }
}

#[test]
fn the_test_sees_every_way_to_register_a_route() {
    for registering in [
        "web::resource(\"/x\")",
        "actix_web::web::scope(\"/x\")",
        "scope(\"/x\")",
        "web::redirect(\"/x\", \"/y\")",
        "config.service(x)",
        "app.route(\"/x\", get().to(f))",
        "config.external_resource(\"x\", \"y\")",
        "App::new().default_service(web::to(f))",
        "app.configure(f)",
        "app\n.service(Files::new(\"/\", \".\"))",
    ] {
        assert!(!registrations(&format!("fn f() {{ {registering}; }}")).is_empty(), "missed: {registering}");
    }
    assert!(registrations("#[get(\"/x\")] async fn f() {}").len() == 1);
    assert!(registrations("fn f() { response.insert_header(x); trace.scope(x); get(x); }").is_empty());
}

/// The pages below `/docs` and `/app` are registered with their paths in `routes.rs`.
#[test]
fn routes_rs_names_the_path_of_every_page() {
    let routes = fs::read_to_string(project().join("src/http/routes.rs")).unwrap();
    for path in ["/docs", "/app"] {
        assert!(routes.contains(&format!("(\"{path}\"")), "{path}");
    }
    for page in PAGES {
        let source = fs::read_to_string(project().join("src/http").join(page)).unwrap();
        assert!(!source.contains("scope(\""), "{page} has a path of its own");
    }
}

/// A write can be valid and be refused for an earlier one. `schemathesis.toml` lists those statuses for each operation.
#[tokio::test]
async fn the_fuzzer_expects_the_documented_refusals_of_every_write() {
    let document = Api::in_memory().get("/openapi.json").await.body;
    let settings: toml::Table = fs::read_to_string(project().join("schemathesis.toml")).unwrap().parse().unwrap();
    let mut expected = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !["get", "head"].contains(&method.as_str()) {
                expected.insert((format!("{} {path}", method.to_uppercase()), refusals(operation)));
            }
        }
    }
    let mut listed = BTreeSet::new();
    for operation in settings["operations"].as_array().unwrap() {
        let Some(name) = operation.get("include-name") else { continue };
        let statuses = &operation["checks"]["positive_data_acceptance"]["expected-statuses"];
        let statuses = statuses.as_array().unwrap().iter().map(|status| status.as_str().unwrap().to_owned());
        assert!(listed.insert((name.as_str().unwrap().to_owned(), statuses.collect())), "{name:?} is listed twice");
    }
    assert_eq!(listed, expected);
}

/// The statuses that a valid request can get because of what came before it.
fn refusals(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().unwrap();
    let is_conditional = parameters.iter().any(|parameter| parameter["name"] == "If-Match");
    let documented = ["404", "409", "412", "422"]
        .into_iter()
        .filter(|status| operation["responses"].get(status).is_some() && (*status != "412" || is_conditional));
    std::iter::once("2xx").chain(documented).map(str::to_owned).collect()
}

fn rust_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Each call or attribute that registers a route, with its line.
fn registrations(source: &str) -> Vec<(String, usize)> {
    let mut calls = Registrations::default();
    calls.visit_file(&syn::parse_file(source).unwrap());
    calls.found
}

#[derive(Default)]
struct Registrations {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Registrations {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        if ["service", "route", "configure", "default_service", "external_resource"].contains(&name.as_str()) {
            self.found.push((name, call.span().start().line));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func {
            let name = function.path.segments.last().unwrap().ident.to_string();
            if ["scope", "resource", "redirect"].contains(&name.as_str()) {
                self.found.push((name, call.span().start().line));
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let name = attribute.path().segments.last().unwrap().ident.to_string();
        if ["get", "head", "post", "put", "patch", "delete", "route", "routes"].contains(&name.as_str()) {
            self.found.push((name, attribute.span().start().line));
        }
        visit::visit_attribute(self, attribute);
    }
}
