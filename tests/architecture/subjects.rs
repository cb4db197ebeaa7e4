//! Subjects of one layer do not import each other. `orders` is the exception, which others may read.

use crate::{
    imports::{Import, Imports, imports},
    source::{Source, service},
};

/// How the folders and files of one layer may import each other.
struct Layer {
    name: &'static str,
    /// Any other one may import these.
    shared: &'static [&'static str],
    /// These import every other one.
    composing: &'static [&'static str],
    /// The first one may also import the second one.
    pairs: &'static [(&'static str, &'static str)],
}

const LAYERS: &[Layer] = &[
    Layer { name: "domain", shared: &["money", "names", "order", "product", "tenant_id"], composing: &[], pairs: &[] },
    Layer {
        name: "app",
        shared: &["adapters", "idempotency", "orders", "ports", "uow"],
        // A port has the types of its subject in its signatures.
        composing: &["ports"],
        // The history of an order is the list of its events.
        pairs: &[("orders", "events")],
    },
    Layer {
        name: "infra",
        shared: &["background", "cause", "clock", "events", "observability"],
        composing: &[],
        // The private PostgreSQL is connected to like any other one.
        pairs: &[("embedded", "postgres")],
    },
    Layer {
        name: "http",
        shared: &["app_state", "connection", "middleware", "orders", "request", "request_id", "response", "routing"],
        composing: &["routes", "server"],
        // As in `app`.
        pairs: &[("orders", "events")],
    },
];

#[test]
fn subjects_do_not_import_each_other() {
    let found = breaches(&imports(&service()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_finds_subjects_that_import_each_other() {
    let is_breach = |from: &str, to: &str, name: &str| {
        let files = [
            ("src/http/mod.rs", "pub use events::feed::Feed;"),
            ("src/http/events/mod.rs", "pub mod feed;"),
            ("src/http/orders/mod.rs", "pub mod order_body;"),
            ("src/http/request/mod.rs", "pub mod json;"),
            (from, &*format!("use crate::http::{name}; pub struct It;")),
            (to, "pub struct Feed; pub struct Thing;"),
        ];
        let sources: Vec<Source> = files.iter().map(|(file, text)| Source::new(file, text)).collect();
        !breaches(&imports(&sources)).is_empty()
    };
    let feed = "src/http/events/feed.rs";
    assert!(is_breach("src/http/products.rs", feed, "events::feed::Feed"));
    assert!(is_breach("src/http/products/list.rs", feed, "Feed"), "through what the layer exports");
    assert!(is_breach("src/http/service/health.rs", feed, "Feed"));
    assert!(is_breach("src/http/request/json.rs", feed, "Feed"), "what all share has no subject");
    assert!(!is_breach("src/http/routes.rs", feed, "Feed"));
    assert!(!is_breach("src/http/events/stream.rs", feed, "Feed"));
    assert!(!is_breach(feed, "src/http/orders/order_body.rs", "orders::order_body::Thing"));
    assert!(!is_breach(feed, "src/http/request/json.rs", "request::json::Thing"));
}

fn breaches(imports: &Imports) -> Vec<String> {
    let mut found = Vec::new();
    for (from, imported) in imports {
        for (to, Import { name, line }) in imported {
            let (Some((layer, importer)), Some((other_layer, subject))) = (place(from), place(to)) else { continue };
            let Some(rules) = LAYERS.iter().find(|rules| rules.name == layer && layer == other_layer) else { continue };
            let is_allowed = importer == subject
                || rules.shared.contains(&subject)
                || rules.composing.contains(&importer)
                || rules.pairs.contains(&(importer, subject));
            if !is_allowed {
                found.push(format!(
                    "{from}:{line} must not import {name} from {to}: `{importer}` and `{subject}` are apart"
                ));
            }
        }
    }
    found
}

/// The layer of a file, and its folder or own name in it.
fn place(file: &str) -> Option<(&str, &str)> {
    let (layer, rest) = file.strip_prefix("src/")?.split_once('/')?;
    let subject = rest.split('/').next()?.trim_end_matches(".rs");
    (subject != "mod").then_some((layer, subject))
}
