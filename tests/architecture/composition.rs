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
fn the_relay_has_every_event_sink() {
    let found = unused_sinks(&service());
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
fn the_check_finds_a_sink_that_the_relay_does_not_have() {
    let sink = "pub struct Null; impl EventSink for Null {}";
    let found = |root: &str| {
        let sources = [Source::new("src/infra/events/null.rs", sink), Source::new("src/bootstrap/sinks.rs", root)];
        unused_sinks(&sources).len()
    };
    assert_eq!(found("fn f() { Relay::new(ports).with(Null) }"), 0);
    assert_eq!(found("fn f() { Relay::new(ports).with(Null::new(url)) }"), 0);
    assert_eq!(found("use infra::Null;"), 1);
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

/// The types that implement the port of sinks, and are no argument of a call in the composition root.
fn unused_sinks(sources: &[Source]) -> Vec<String> {
    let root = |source: &&Source| source.part() == "bootstrap";
    let used: BTreeSet<String> =
        sources.iter().filter(root).flat_map(|source| Uses::of_file(source).arguments).collect();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.part() == "infra") {
        for item in &source.syntax.items {
            let syn::Item::Impl(syn::ItemImpl { trait_: Some((implemented, _)), self_ty, .. }) = item else {
                continue;
            };
            let is_sink = implemented.segments.last().is_some_and(|last| last.ident == "EventSink");
            let syn::Type::Path(sink) = &**self_ty else { continue };
            let Some(name) = sink.path.segments.last().map(|last| last.ident.to_string()).filter(|_| is_sink) else {
                continue;
            };
            if !used.contains(&name) {
                found.push(format!("{}: nothing in src/bootstrap gives {name} to the relay", source.file));
            }
        }
    }
    found
}

/// The fields of the settings that code reads, the functions and methods that it calls, and with what.
#[derive(Default)]
struct Uses {
    fields: BTreeSet<String>,
    calls: BTreeSet<String>,
    /// The names in the paths of functions, and the first names of the arguments of methods.
    arguments: BTreeSet<String>,
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
        self.arguments.extend(call.args.iter().filter_map(first_name));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func {
            self.calls.extend(function.path.segments.last().map(|name| name.ident.to_string()));
            self.arguments.extend(function.path.segments.iter().map(|name| name.ident.to_string()));
        }
        visit::visit_expr_call(self, call);
    }
}

/// `A` of `A`, `A::new()` and `A { .. }`.
fn first_name(argument: &syn::Expr) -> Option<String> {
    let path = match argument {
        syn::Expr::Path(path) => &path.path,
        syn::Expr::Struct(made) => &made.path,
        syn::Expr::Call(call) => return first_name(&call.func),
        _ => return None,
    };
    path.segments.first().map(|first| first.ident.to_string())
}
