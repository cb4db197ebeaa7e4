//! Which layer may name which other layer and which crates: `http → app → domain`, `infra → app, domain`.

use std::collections::BTreeSet;

use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::source::{Source, dependencies, in_macro, service};

/// Folders and root files of `src`.
const PARTS: [&str; 9] = ["domain", "app", "infra", "http", "bootstrap", "config", "healthcheck", "main", "trace"];

/// What each part may name besides itself: other parts, and crates of `Cargo.toml`.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &["rust_decimal", "thiserror", "time", "uuid"]),
    ("app", &["domain", "log", "serde", "serde_json", "thiserror", "time", "uuid"]),
    (
        "infra",
        &[
            "app",
            "domain",
            "trace",
            "base64",
            "env_logger",
            "fastrand",
            "futures_util",
            "governor",
            "jsonwebtoken",
            "lapin",
            "log",
            "prometheus_client",
            "rdkafka",
            "redis",
            "refinery",
            "refinery_core",
            "reqwest",
            "ring",
            "rust_decimal",
            "rustix",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "socket2",
            "sqlx",
            "subtle",
            "thiserror",
            "time",
            "tokio",
            "uuid",
        ],
    ),
    (
        "http",
        &[
            "app",
            "domain",
            "trace",
            "actix_cors",
            "actix_files",
            "actix_http",
            "actix_service",
            "actix_web",
            "base64",
            "form_urlencoded",
            "futures_util",
            "httparse",
            "ipnet",
            "jiff",
            "log",
            "mime",
            "prometheus_client",
            "serde",
            "serde_json",
            "sha2",
            "socket2",
            "thiserror",
            "time",
            "tokio",
            "utoipa",
            "utoipa_swagger_ui",
            "uuid",
        ],
    ),
    ("bootstrap", &["app", "config", "domain", "http", "infra", "anyhow", "log", "sqlx", "tokio"]),
    ("config", &["anyhow", "clap", "ipnet", "thiserror", "time"]),
    ("healthcheck", &["anyhow"]),
    ("lib", &[]),
    ("main", &["bootstrap", "config", "healthcheck", "infra", "anyhow", "clap", "tikv_jemallocator", "tokio"]),
    ("trace", &["tokio"]),
];

/// Crates that only these folders and files of `src` may name.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("governor", &["src/infra/access/limits"]),
    ("ipnet", &["src/config", "src/http/request/client_address.rs"]),
    ("jiff", &["src/http/orders/calendar.rs"]),
    ("jsonwebtoken", &["src/infra/access/jwt"]),
    ("lapin", &["src/infra/events/rabbitmq"]),
    ("rdkafka", &["src/infra/events/kafka.rs"]),
    ("redis", &["src/infra/access/limits"]),
    ("reqwest", &["src/infra/access/jwt", "src/infra/pricing"]),
    ("ring", &["src/infra/access"]),
    ("rustls", &["src/infra/access/jwt", "src/infra/pricing"]),
    ("subtle", &["src/infra/access"]),
    // Of `app`, only the wire format of events knows JSON.
    ("serde", &["src/app/events/wire", "src/http", "src/infra"]),
    ("serde_json", &["src/app/events/wire", "src/http", "src/infra"]),
    ("sqlx", &["src/bootstrap/database.rs", "src/infra/embedded", "src/infra/postgres"]),
];

#[test]
fn every_part_names_only_what_it_may() {
    let found: Vec<String> = service().iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_finds_every_way_to_name_a_part_or_a_crate() {
    let breaks = |file: &str, text: &str| !breaches(&Source::new(file, text)).is_empty();
    for bad in [
        "use crate::infra::Pg;",
        "use crate::{domain::Order, infra};",
        "use sqlx as db;",
        "use ::sqlx::Pool;",
        "extern crate sqlx;",
        "use super::super::infra::*;",
        "pub(crate) use crate::infra::Pg as Store;",
        "fn f() { crate::infra::go() }",
        "fn f() { sqlx::query!(\"\"); }",
        "#[derive(Clone, sqlx::FromRow)] struct S;",
        "#[sqlx::test] fn f() {}",
        "fn f(x: &crate::infra::Pg) {}",
        "impl crate::infra::Port for S {}",
        "fn f() { println!(\"{}\", crate::infra::go()); }",
        "fn f() { assert!(sqlx::ok()); }",
    ] {
        assert!(breaks("src/app/orders/place.rs", bad), "missed: {bad}");
    }
    for good in ["use crate::domain::Order; fn f() { let infra = 1; }", "mod infra_like; fn f() { infra_like::go() }"] {
        assert!(!breaks("src/app/orders/place.rs", good), "mistaken: {good}");
    }
    assert!(breaks("src/trace.rs", "use crate::config::Config;"));
    assert!(breaks("src/healthcheck.rs", "fn f() { tokio::spawn(g()); }"));
    assert!(breaks("src/main.rs", "use orders::{config::Config, http::serve};"));
    assert!(!breaks("src/main.rs", "use orders::{bootstrap, config::Config};"));
    assert!(breaks("src/infra/clock.rs", "use sqlx::PgPool;"), "sqlx is for the store");
    assert!(!breaks("src/infra/postgres/store.rs", "use sqlx::PgPool;"));
    assert!(breaks("src/other.rs", ""), "a new root file needs a list of its own");
}

#[test]
fn the_lists_have_only_parts_and_dependencies_that_exist() {
    let known: BTreeSet<String> = dependencies();
    for (part, allowed) in MAY_NAME.iter().chain(ONLY_IN) {
        for name in allowed.iter().filter(|name| !name.starts_with("src/")) {
            assert!(PARTS.contains(name) || known.contains(*name), "{part} may name `{name}`, which does not exist");
        }
    }
    assert!(ONLY_IN.iter().all(|(name, _)| known.contains(*name)));
    assert!(forbidden(&Source::new("src/domain/mod.rs", "")).contains("sqlx"));
}

fn breaches(source: &Source) -> Vec<String> {
    let part = source.part();
    if !MAY_NAME.iter().any(|(name, _)| *name == part) {
        return vec![format!("{}: `{part}` has no list of what it may name", source.file)];
    }
    let forbidden = forbidden(source);
    let mut names = Names { forbidden: &forbidden, found: Vec::new() };
    names.visit_file(&source.syntax);
    let breach = |(line, name)| format!("{}:{line}: {part} must not name `{name}` here", source.file);
    names.found.into_iter().map(breach).collect()
}

/// What this file must not name.
fn forbidden(source: &Source) -> BTreeSet<String> {
    let part = source.part();
    let allowed = MAY_NAME.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, allowed)| allowed);
    let is_elsewhere = |name: &str| {
        let is_inside = |place: &&str| source.file == **place || source.file.starts_with(&format!("{place}/"));
        ONLY_IN.iter().any(|(only, places)| *only == name && !places.iter().any(is_inside))
    };
    let all = PARTS.iter().map(|&name| name.to_owned()).chain(dependencies());
    all.filter(|name| *name != part && (!allowed.contains(&name.as_str()) || is_elsewhere(name))).collect()
}

struct Names<'a> {
    forbidden: &'a BTreeSet<String>,
    found: Vec<(usize, String)>,
}

impl Names<'_> {
    /// `crate::x` and `x` both begin at the name of a part or a crate; `main` names the library as `orders`.
    fn check(&mut self, line: usize, segments: &[String]) {
        let is_prefix = |segment: &&String| matches!(segment.as_str(), "crate" | "self" | "super");
        let own = segments.first().is_some_and(|first| first == "orders");
        let head = segments.iter().skip(usize::from(own)).find(|segment| !is_prefix(segment));
        if let Some(head) = head.filter(|head| self.forbidden.contains(*head)) {
            self.found.push((line, head.clone()));
        }
    }

    fn tree(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree) {
        let line = tree.span().start().line;
        let (last, rest) = match tree {
            syn::UseTree::Path(path) => (path.ident.to_string(), Some(&*path.tree)),
            syn::UseTree::Name(name) => (name.ident.to_string(), None),
            syn::UseTree::Rename(name) => (name.ident.to_string(), None),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|tree| self.tree(prefix, tree)),
            syn::UseTree::Glob(_) => return self.check(line, prefix),
        };
        prefix.push(last);
        match rest {
            Some(rest) => self.tree(prefix, rest),
            None => self.check(line, prefix),
        }
        prefix.pop();
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.check(item.span().start().line, &[item.ident.to_string()]);
    }

    /// Paths in code, types, attributes and names of macros (`sqlx::query!`).
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.check(path.span().start().line, &segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        for (line, path) in in_macro(&call.tokens) {
            if path.len() > 1 {
                self.check(line, &path);
            }
        }
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("derive") {
            let comma_separated = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
            attribute.parse_args_with(comma_separated).unwrap().iter().for_each(|path| self.visit_path(path));
        }
        visit::visit_attribute(self, attribute);
    }
}
