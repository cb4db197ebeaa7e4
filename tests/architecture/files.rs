//! What holds for every source file alone.

use crate::source::{Source, service};

const MAX_LINES: usize = 400;

const VAGUE_NAMES: [&str; 4] = ["common", "helpers", "manager", "utils"];

#[test]
fn every_file_is_short_and_named_and_visible_as_agreed() {
    let found: Vec<String> = service().iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_finds_a_long_file_a_vague_name_and_a_visibility_with_a_path() {
    let found = |text: &str| breaches(&Source::new("src/a.rs", text)).len();
    assert_eq!(found(&"// A line.\n".repeat(MAX_LINES)), 0);
    assert_eq!(found(&"// A line.\n".repeat(MAX_LINES + 1)), 1);
    assert_eq!(found("pub(in crate::infra) struct A;"), 1);
    assert_eq!(found("struct A { pub( in super::super ) a: u8 }"), 1);
    assert_eq!(found("pub(crate) struct A { pub(super) a: u8 }"), 0);
    assert_eq!(breaches(&Source::new("src/http/utils/text.rs", "")).len(), 1);
    assert_eq!(breaches(&Source::new("src/app/helpers.rs", "")).len(), 1);
}

fn breaches(source: &Source) -> Vec<String> {
    let file = &source.file;
    let lines = source.text.lines().count();
    let mut found = Vec::new();
    if lines > MAX_LINES {
        found.push(format!("{file} has {lines} lines; a file has at most {MAX_LINES}: divide it"));
    }
    let folders_and_name = file.trim_end_matches(".rs").split('/');
    for name in folders_and_name.filter(|name| VAGUE_NAMES.contains(name)) {
        found.push(format!("{file}: `{name}` does not say what is in it"));
    }
    let without_spaces: String = source.text.split_whitespace().collect();
    if without_spaces.contains("pub(in") {
        found.push(format!("{file} has `pub(in …)`: move the item to the folder that uses it"));
    }
    found
}
