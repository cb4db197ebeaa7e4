//! No two files import each other, directly or in a ring.

use std::collections::{BTreeSet, VecDeque};

use crate::{
    imports::{Import, Imports, imports},
    source::{Source, service},
};

#[test]
fn no_files_import_each_other() {
    let found = rings(&imports(&service()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Files with these names and texts.
fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(file, text)| Source::new(file, text)).collect()
}

/// The same exports as most folders have.
const FLAT: &str = "mod a; mod b; pub use a::A; pub use b::B;";

/// Each has one ring.
const RINGS: Cases = &[
    (
        "directly",
        &[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::B; pub struct A;"),
            ("src/b.rs", "use crate::a::A; pub struct B;"),
        ],
    ),
    (
        "through what the parent exports",
        &[
            ("src/x/mod.rs", FLAT),
            ("src/x/a.rs", "use super::B; pub struct A;"),
            ("src/x/b.rs", "use super::A; pub struct B;"),
        ],
    ),
    (
        "through what the layer exports",
        &[
            ("src/lib.rs", "mod x;"),
            ("src/x/mod.rs", FLAT),
            ("src/x/a.rs", "use crate::x::B; pub struct A;"),
            ("src/x/b.rs", "pub struct B; fn f() { crate::x::A::new() }"),
        ],
    ),
    (
        "through a glob",
        &[
            ("src/x/mod.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
            ("src/x/a.rs", "use super::B; pub struct A;"),
            ("src/x/b.rs", "use super::*; pub struct B(A);"),
        ],
    ),
    (
        "under another name",
        &[
            ("src/x/mod.rs", "mod a; mod b; pub use a::A as Other; pub use b::B;"),
            ("src/x/a.rs", "use super::B as It; pub struct A;"),
            ("src/x/b.rs", "use super::Other; pub struct B;"),
        ],
    ),
    (
        "by the name of a module",
        &[
            ("src/x/mod.rs", "mod a; mod b;"),
            ("src/x/a.rs", "use super::b; pub fn f() { b::g() }"),
            ("src/x/b.rs", "use super::a; pub fn g() { a::f() }"),
        ],
    ),
    (
        "in the arguments of a macro",
        &[
            ("src/x/mod.rs", "mod a; mod b;"),
            ("src/x/a.rs", "use super::b::B; pub fn f() {}"),
            ("src/x/b.rs", "pub struct B; fn g() { println!(\"{}\", super::a::f()) }"),
        ],
    ),
    (
        "by a name that a file exports and uses itself",
        &[("src/x/mod.rs", "mod a; pub use a::A; pub struct B(A);"), ("src/x/a.rs", "use super::B; pub struct A;")],
    ),
    (
        "from an inline module",
        &[
            ("src/x/mod.rs", "mod a; mod b;"),
            ("src/x/a.rs", "mod inner { use super::super::b::B; } pub struct A;"),
            ("src/x/b.rs", "use super::a::A; pub struct B;"),
        ],
    ),
    (
        "over a third file",
        &[
            ("src/x/mod.rs", "mod a; mod b; mod c;"),
            ("src/x/a.rs", "use super::b::B; pub struct A;"),
            ("src/x/b.rs", "use super::c::C; pub struct B;"),
            ("src/x/c.rs", "use super::a::A; pub struct C;"),
        ],
    ),
    (
        "where a module has the name of its item",
        &[
            ("src/x/mod.rs", "mod a; mod b; pub use a::a; pub use b::B;"),
            ("src/x/a.rs", "use super::B; pub fn a() {}"),
            ("src/x/b.rs", "use crate::x::a; pub struct B; fn f() { a() }"),
        ],
    ),
];

/// None has a ring.
const NO_RINGS: Cases = &[
    (
        "one imports the other",
        &[("src/x/mod.rs", FLAT), ("src/x/a.rs", "pub struct A;"), ("src/x/b.rs", "use super::A; pub struct B;")],
    ),
    (
        "a folder exports a file that imports from the folder",
        &[("src/x/mod.rs", "mod a; pub use a::A; pub struct B;"), ("src/x/a.rs", "use super::B; pub struct A;")],
    ),
    (
        "only a test imports",
        &[
            ("src/x/mod.rs", FLAT),
            ("src/x/a.rs", "pub struct A; #[cfg(test)] mod tests { use super::super::B; }"),
            ("src/x/b.rs", "use super::A; pub struct B;"),
        ],
    ),
    (
        "another crate has an item of the same name",
        &[
            ("src/x/mod.rs", FLAT),
            ("src/x/a.rs", "use tokio::B; pub struct A;"),
            ("src/x/b.rs", "use super::A; pub struct B;"),
        ],
    ),
];

/// What a case shows, and its files: name and text.
type Cases = &'static [(&'static str, &'static [(&'static str, &'static str)])];

#[test]
fn the_check_finds_every_kind_of_ring() {
    for (what, files) in RINGS {
        assert_eq!(rings(&imports(&sources(files))).len(), 1, "missed: {what}");
    }
    for (what, files) in NO_RINGS {
        let found = rings(&imports(&sources(files)));
        assert!(found.is_empty(), "mistaken: {what}: {found:?}");
    }
}

/// One ring for each group of files that import each other, with a name that each file imports from the next one.
fn rings(imports: &Imports) -> Vec<String> {
    let mut found = Vec::new();
    let mut reported = BTreeSet::new();
    for file in imports.keys() {
        if reported.contains(file) {
            continue;
        }
        if let Some(ring) = shortest_ring(imports, file) {
            let steps = ring.iter().zip(ring.iter().cycle().skip(1));
            let step = |(from, to): (&String, &String)| {
                let Import { name, line } = &imports[from][to];
                format!("{from}:{line} imports {name} from {to}")
            };
            found.push(steps.map(step).collect::<Vec<_>>().join(", "));
            reported.extend(ring);
        }
    }
    found
}

/// The files of the shortest ring that this file is in.
fn shortest_ring(imports: &Imports, file: &String) -> Option<Vec<String>> {
    let mut paths = VecDeque::from([vec![file.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        for next in imports.get(path.last()?).into_iter().flat_map(|imported| imported.keys()) {
            if next == file {
                return Some(path);
            }
            if seen.insert(next.clone()) {
                paths.push_back([&path[..], std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
