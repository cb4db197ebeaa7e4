//! The source files of the service, parsed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};

/// One parsed source file.
pub(crate) struct Source {
    /// From the root of the project: `src/app/mod.rs`.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

impl Source {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { file: file.to_owned(), text: text.to_owned(), syntax }
    }

    /// Its folder below `src`, or its own name without `.rs` if it is a root file.
    pub(crate) fn part(&self) -> &str {
        let path = self.file.strip_prefix("src/").unwrap_or(&self.file);
        path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
    }
}

/// Every file of `src`.
pub(crate) fn service() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = |path: PathBuf| {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Source::new(&file, &fs::read_to_string(&path).unwrap())
    };
    let mut files = rust_files(&root.join("src"));
    files.sort();
    files.into_iter().map(source).collect()
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

/// The crates of `[dependencies]`, as code names them.
pub(crate) fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect()
}

/// Every path in the arguments of a macro, which syn does not parse, with its line: `a::b` and also the single name `a`.
pub(crate) fn in_macro(tokens: &TokenStream) -> Vec<(usize, Vec<String>)> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    // How many colons have followed the last name; `None` when something else has.
    let mut colons: Option<usize> = None;
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => {
                found.extend(in_macro(&group.stream()));
                colons = None;
            }
            TokenTree::Ident(name) => {
                match found.last_mut() {
                    Some((_, path)) if colons == Some(2) => path.push(name.to_string()),
                    _ => found.push((name.span().start().line, vec![name.to_string()])),
                }
                colons = Some(0);
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons = colons.map(|colons| colons + 1),
            TokenTree::Punct(_) | TokenTree::Literal(_) => colons = None,
        }
    }
    found
}
