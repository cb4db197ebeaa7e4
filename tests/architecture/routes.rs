//! `src/http/routes.rs` registers everything that the server serves, so it shows every route.

use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::source::{Source, service};

/// Where a route may be registered: the list of all routes, and the code that builds one of them.
const REGISTERS: [&str; 2] = ["src/http/routes.rs", "src/http/routing/endpoint.rs"];

/// Where a page of many files is built. `routes.rs` has its path, and registers it.
const PAGES: [&str; 2] = ["src/http/service/console.rs", "src/http/service/docs.rs"];

#[test]
fn every_route_is_registered_in_routes_rs() {
    for source in service().iter().filter(|source| source.part() == "http") {
        let found = registrations(&source.syntax);
        let allowed: &[&str] = match source.file.as_str() {
            file if REGISTERS.contains(&file) => continue,
            file if PAGES.contains(&file) => &["scope", "service"],
            "src/http/server.rs" => &["configure"],
            _ => &[],
        };
        let other: Vec<_> = found.iter().filter(|(call, _)| !allowed.contains(&call.as_str())).collect();
        assert!(other.is_empty(), "{} registers a route: {other:?}", source.file);
    }
}

#[test]
fn the_check_finds_every_way_to_register_a_route() {
    let of = |text: &str| registrations(&Source::new("src/http/x.rs", text).syntax);
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
        assert!(!of(&format!("fn f() {{ {registering}; }}")).is_empty(), "missed: {registering}");
    }
    assert!(!of("#[get(\"/x\")] async fn f() {}").is_empty());
    assert!(of("fn f() { response.insert_header(x); trace.scope(x); get(x); }").is_empty());
}

/// The pages below `/docs` and `/app` are registered with their paths in `routes.rs`.
#[test]
fn routes_rs_names_the_path_of_every_page() {
    let sources = service();
    let text = |file: &str| &sources.iter().find(|source| source.file == file).unwrap().text;
    for path in ["/docs", "/app"] {
        assert!(text("src/http/routes.rs").contains(&format!("(\"{path}\"")), "{path}");
    }
    for page in PAGES {
        assert!(!text(page).contains("scope(\""), "{page} has a path of its own");
    }
}

/// Each call or attribute that registers a route, with its line.
fn registrations(file: &syn::File) -> Vec<(String, usize)> {
    let mut calls = Registrations::default();
    calls.visit_file(file);
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
