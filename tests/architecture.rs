//! Which layer may name which, and which crates: `http → app → domain`, `infra → app, domain`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

const LAYERS: [&str; 7] = ["domain", "app", "infra", "http", "config", "bootstrap", "trace"];

/// What each layer may name besides itself: other layers, and crates of `Cargo.toml`.
const RULES: &[(&str, &[&str])] = &[
    ("domain", &["rust_decimal", "thiserror", "time", "uuid"]),
    ("app", &["domain", "log", "serde", "serde_json", "thiserror", "time", "uuid"]),
    (
        "infra",
        &[
            "app",
            "domain",
            "trace",
            "env_logger",
            "fastrand",
            "futures_util",
            "log",
            "prometheus_client",
            "refinery",
            "refinery_core",
            "reqwest",
            "rust_decimal",
            "rustix",
            "serde",
            "serde_json",
            "sqlx",
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
            "actix_web",
            "base64",
            "form_urlencoded",
            "futures_util",
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
];

#[test]
fn layers_point_inwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for (layer, allowed) in RULES {
        let forbidden = forbidden(layer, allowed);
        for file in rust_files(&src.join(layer)) {
            for (line, name) in breaches(&forbidden, &fs::read_to_string(&file).unwrap()) {
                found.push(format!("{}:{line}: {layer} must not name `{name}`", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_sees_every_way_to_name_a_layer() {
    let forbidden = BTreeSet::from(["infra".to_owned(), "sqlx".to_owned()]);
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
        assert!(!breaches(&forbidden, bad).is_empty(), "missed: {bad}");
    }
    for good in ["use crate::domain::Order; fn f() { let infra = 1; }", "mod infra_like; fn f() { infra_like::go() }"] {
        assert!(breaches(&forbidden, good).is_empty(), "mistaken: {good}");
    }
}

#[test]
fn the_rules_speak_of_every_crate_that_the_service_depends_on() {
    let known: BTreeSet<String> = dependencies();
    for (layer, allowed) in RULES {
        for name in *allowed {
            assert!(LAYERS.contains(name) || known.contains(*name), "{layer} may name `{name}`, which is nothing");
        }
    }
    assert!(forbidden("domain", RULES[0].1).contains("sqlx"));
}

fn forbidden(layer: &str, allowed: &[&str]) -> BTreeSet<String> {
    let layers = LAYERS.iter().map(|&name| name.to_owned());
    layers.chain(dependencies()).filter(|name| name != layer && !allowed.contains(&name.as_str())).collect()
}

/// The crates of `[dependencies]`, as code names them.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect()
}

fn breaches(forbidden: &BTreeSet<String>, source: &str) -> Vec<(usize, String)> {
    let mut names = Names { forbidden, found: Vec::new() };
    names.visit_file(&syn::parse_file(source).unwrap());
    names.found
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
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

struct Names<'a> {
    forbidden: &'a BTreeSet<String>,
    found: Vec<(usize, String)>,
}

impl Names<'_> {
    /// `crate::x` and `x` both start at the name of a layer or a crate.
    fn check(&mut self, line: usize, segments: &[String]) {
        let head = segments.iter().find(|segment| !matches!(segment.as_str(), "crate" | "self" | "super"));
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

    /// Paths written out in code, types, attributes and names of macros (`sqlx::query!`).
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.check(path.span().start().line, &segments);
        }
        visit::visit_path(self, path);
    }

    /// syn does not parse what is inside a macro call: its bare tokens are looked at.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = format!(" {} ", call.tokens);
        for name in self.forbidden {
            if text.contains(&format!("crate :: {name} ::")) || text.contains(&format!(" {name} :: ")) {
                self.found.push((call.span().start().line, name.clone()));
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
