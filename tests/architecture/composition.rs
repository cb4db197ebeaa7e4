//! The composition root uses every setting, and starts every event sink. The compiler does not see it: all of these are public.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::source::{Source, service};

#[test]
fn every_setting_is_read() {
    let found = unread_settings(&service());
    assert!(found.is_empty(), "nothing reads these settings: {found:?}");
}

#[test]
fn every_event_sink_is_started_and_reports_its_position() {
    let found = incomplete_sinks(&service());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whatever a value object accepts has to read back as the same value, because that is how it is stored.
#[test]
fn the_tests_of_the_domain_name_every_value_that_is_parsed() {
    let tests = include_str!("../domain.rs");
    let mut values = 0;
    for source in service().iter().filter(|source| source.part() == "domain") {
        for value in source.text.lines().filter_map(|line| line.strip_prefix("impl FromStr for ")) {
            let value = value.trim_end_matches(" {");
            assert!(tests.contains(&format!("<{value}>")), "tests/domain.rs does not parse {value}: {}", source.file);
            values += 1;
        }
    }
    assert!(values > 5);
}

#[test]
fn the_check_finds_a_setting_that_nothing_reads() {
    let config = "pub struct Config { pub a: u8, pub b: u8, pub c: u8, pub d: u8 }
        impl Config { pub fn half(&self) -> u8 { self.b / 2 } pub fn unused(&self) -> u8 { self.c } }";
    let root = "fn run(config: &Config) { start(config.a, config.half(), other.d, config.d()) }";
    let sources = [Source::new("src/config.rs", config), Source::new("src/bootstrap/serving.rs", root)];
    assert_eq!(unread_settings(&sources), ["c", "d"]);
}

#[test]
fn the_check_finds_a_sink_that_is_not_started_or_reports_nothing() {
    let sink = |body: &str| format!("pub async fn send_events<P: Ports>(ports: P) -> Infallible {{ {body} }}");
    let found = |body: &str, root: &str| {
        let sources = [Source::new("src/infra/events/send.rs", &sink(body)), Source::new("src/bootstrap.rs", root)];
        incomplete_sinks(&sources).len()
    };
    let (reports, starts) = ("ports.telemetry().delivered(\"send\", 1)", "fn f() { infra::send_events(ports) }");
    assert_eq!(found(reports, starts), 0);
    assert_eq!(found("", starts), 1);
    assert_eq!(found(reports, "use infra::send_events;"), 1);
}

/// The fields of `Config` that neither the other files read, nor a method of it that they call.
fn unread_settings(sources: &[Source]) -> Vec<String> {
    let config = sources.iter().find(|source| source.file == "src/config.rs").unwrap();
    let mut settings = Vec::new();
    let mut methods = Vec::new();
    for item in &config.syntax.items {
        match item {
            syn::Item::Struct(item) if item.ident == "Config" => {
                settings.extend(item.fields.iter().map(|field| field.ident.as_ref().unwrap().to_string()));
            }
            syn::Item::Impl(item) => methods.extend(item.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(method) => Some((method.sig.ident.to_string(), Uses::of_block(&method.block).fields)),
                _ => None,
            })),
            _ => {}
        }
    }
    let mut read = BTreeSet::new();
    let roots = ["bootstrap", "healthcheck", "main"];
    for uses in sources.iter().filter(|source| roots.contains(&source.part())).map(Uses::of_file) {
        read.extend(uses.fields);
        read.extend(
            methods.iter().filter(|(name, _)| uses.calls.contains(name)).flat_map(|(_, fields)| fields.clone()),
        );
    }
    settings.retain(|setting| !read.contains(setting));
    settings
}

/// A sink is a function that never returns, in the folder of the sinks.
fn incomplete_sinks(sources: &[Source]) -> Vec<String> {
    let root = |source: &&Source| source.part() == "bootstrap";
    let started: BTreeSet<String> =
        sources.iter().filter(root).flat_map(|source| Uses::of_file(source).calls).collect();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.file.starts_with("src/infra/events/")) {
        for item in &source.syntax.items {
            let syn::Item::Fn(sink) = item else { continue };
            if !(matches!(sink.vis, syn::Visibility::Public(_)) && never_returns(&sink.sig.output)) {
                continue;
            }
            let name = sink.sig.ident.to_string();
            if !started.contains(&name) {
                found.push(format!("{}: nothing in src/bootstrap starts {name}", source.file));
            }
            if !Uses::of_file(source).calls.contains("delivered") {
                found.push(format!("{}: {name} does not report its position to `Telemetry::delivered`", source.file));
            }
        }
    }
    found
}

fn never_returns(output: &syn::ReturnType) -> bool {
    let syn::ReturnType::Type(_, output) = output else { return false };
    matches!(&**output, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Infallible"))
}

/// The fields of the settings that code reads, and the functions and methods that it calls.
#[derive(Default)]
struct Uses {
    fields: BTreeSet<String>,
    calls: BTreeSet<String>,
}

impl Uses {
    fn of_file(source: &Source) -> Self {
        let mut uses = Self::default();
        uses.visit_file(&source.syntax);
        uses
    }

    fn of_block(block: &syn::Block) -> Self {
        let mut uses = Self::default();
        uses.visit_block(block);
        uses
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        let is_of_settings = |base: &syn::Path| base.is_ident("config") || base.is_ident("self");
        if let (syn::Expr::Path(base), syn::Member::Named(name)) = (&*field.base, &field.member)
            && is_of_settings(&base.path)
        {
            self.fields.insert(name.to_string());
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func {
            self.calls.extend(function.path.segments.last().map(|name| name.ident.to_string()));
        }
        visit::visit_expr_call(self, call);
    }
}
