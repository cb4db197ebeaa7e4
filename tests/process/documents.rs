//! The links, paths and commands in the documents work.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{program::remove_settings, project};

/// The Markdown files of the project's folder and of docs/.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<_> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| project().join(name)).into();
    let mut folders = vec![project().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_link_and_path_in_the_documents_exists() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for link in between(&text, "](", ")").chain(between(&text, "<img src=\"", "\"")) {
            if !link_exists(&document, folder, link) {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
        for path in prose(&text).iter().flat_map(|line| between(line, "`", "`")).filter(|text| looks_like_a_path(text))
        {
            let path = path.trim_end_matches('/');
            if !project().join(path).exists() && !folder.join(path).exists() {
                broken.push(format!("{}: `{path}`", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The recipes name types, functions, constants and tests. Whoever renames one of them renames it there too.
#[test]
fn every_name_in_the_recipes_exists_in_the_code() {
    let mut code = BTreeSet::new();
    for folder in ["src", "tests", "static", "scripts", "deploy", "migrations", "docs/adr"] {
        collect_words(&project().join(folder), &mut code);
    }
    for file in ["Cargo.toml", "schemathesis.toml", "docker-compose.yml", "Dockerfile"] {
        collect_words(&project().join(file), &mut code);
    }
    let recipes = fs::read_to_string(project().join("CONTRIBUTING.md")).unwrap();
    let names =
        prose(&recipes).into_iter().flat_map(|line| between(line, "`", "`")).filter(|text| looks_like_a_name(text));
    let unknown: Vec<&str> = names.filter(|name| !words(name).all(|word| code.contains(word))).collect();
    assert!(unknown.is_empty(), "CONTRIBUTING.md has names that the code does not have: {unknown:?}");
}

/// A name of code, perhaps with its path, e.g. `Action::check`. It has an underscore, a capital or a colon.
fn looks_like_a_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
        && text.contains(|c: char| c == '_' || c == ':' || c.is_ascii_uppercase())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Every word of the file, or of the files below the folder that are text.
fn collect_words(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect_words(&entry.unwrap().path(), found);
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        found.extend(words(&text).map(str::to_owned));
    }
}

#[test]
fn every_decision_is_in_the_list_of_decisions() {
    let folder = project().join("docs/adr");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || list.contains(&format!("({name})")), "{name} is not in docs/adr/README.md");
    }
}

/// Whether the file exists and has the heading of the anchor. Links to other sites are not checked.
fn link_exists(document: &Path, folder: &Path, link: &str) -> bool {
    if link.starts_with("http://") || link.starts_with("https://") {
        return true;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { document.to_owned() } else { folder.join(path) };
    let has_heading = |anchor: &str| {
        let text = fs::read_to_string(&target).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix('#')).any(|heading| slug(heading) == anchor)
    };
    target.exists() && anchor.is_none_or(has_heading)
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A path below one of the project's folders, without wildcards or placeholders.
fn looks_like_a_path(text: &str) -> bool {
    let folders = ["src/", "tests/", "migrations/", "static/", "docs/", "scripts/", "deploy/", ".ci/", ".sqlx/"];
    folders.iter().any(|folder| text.starts_with(folder))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
}

/// The lines outside code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.lines()
        .filter(|line| {
            let is_fence = line.trim_start().starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        })
        .collect()
}

fn between<'t>(text: &'t str, open: &'t str, close: &'t str) -> impl Iterator<Item = &'t str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(open)?;
        let (found, behind) = behind.split_once(close)?;
        rest = behind;
        Some(found)
    })
}

/// The test runs each code block of the language `sh runnable` in the project's folder, with the program of this build
/// first in PATH. A block that needs a service starts one.
#[test]
fn every_runnable_block_in_the_documents_succeeds() {
    let program = Path::new(env!("CARGO_BIN_EXE_orders")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for block in between(&text, "```sh runnable\n", "```") {
            let dir = tempfile::tempdir().unwrap();
            crate::embedded::open_to_all(dir.path());
            let mut command = Command::new("bash");
            command.args(["-euo", "pipefail", "-c", block]).env("PATH", &path).env("SCRATCH", dir.path());
            remove_settings(&mut command);
            let output = command.current_dir(project()).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {block}\n{errors}", document.display());
            run += 1;
        }
    }
    assert!(run > 0);
}
