//! Which file imports which: every name is followed through `use` and `pub use` to the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::source::{Source, in_macro};

/// The files that each file imports from, with one of the places where it does.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, Import>>;

#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) line: usize,
}

/// A module's path from the root of the crate; the root itself is empty.
type ModulePath = Vec<String>;

/// What a module defines and names. An inline module is a module of the same file.
#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// The names that `use` brings in, each with its path.
    bindings: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Every path in the code and every private `use`, with its first line. A `pub use` alone imports nothing: it only passes
    /// a name on.
    references: BTreeMap<Vec<String>, usize>,
}

/// What a name may stand for: a module and an item may have the same name.
#[derive(Default)]
struct Meaning {
    module: Option<ModulePath>,
    /// The files that define the item.
    items: BTreeSet<String>,
}

struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

pub(crate) fn imports(sources: &[Source]) -> Imports {
    let krate = Crate::new(sources);
    let mut imports = Imports::new();
    for (path, module) in &krate.modules {
        for (reference, line) in &module.references {
            for file in krate.resolve(path, reference, 0).items {
                if file != module.file {
                    let import = Import { name: reference.join("::"), line: *line };
                    imports.entry(module.file.clone()).or_default().entry(file).or_insert(import);
                }
            }
        }
    }
    imports
}

impl Crate {
    fn new(sources: &[Source]) -> Self {
        let mut modules = BTreeMap::new();
        for source in sources {
            add(&mut modules, module_path(&source.file), &source.file, &source.syntax.items);
        }
        Self { modules }
    }

    /// What a path means in a module. Nothing for a path of another crate.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Meaning {
        // `use` declarations may name each other in a circle; no real path is so long.
        let (Some((first, mut rest)), true) = (path.split_first(), depth < 20) else { return Meaning::default() };
        let mut meaning = match first.as_str() {
            "crate" | "orders" if first == "crate" || !self.has(module, first) => {
                Meaning { module: Some(Vec::new()), ..Meaning::default() }
            }
            "self" => Meaning { module: Some(module.to_vec()), ..Meaning::default() },
            "super" => Meaning { module: Some(parent(module)), ..Meaning::default() },
            name => self.lookup(module, name, depth),
        };
        while let Some((name, further)) = rest.split_first() {
            let Some(at) = meaning.module else { break };
            meaning = match name.as_str() {
                "super" => Meaning { module: Some(parent(&at)), ..Meaning::default() },
                "self" => Meaning { module: Some(at), ..Meaning::default() },
                name => self.lookup(&at, name, depth),
            };
            rest = further;
        }
        meaning
    }

    fn has(&self, module: &[String], name: &str) -> bool {
        let child = [module, &[name.to_owned()]].concat();
        self.modules.contains_key(&child) || self.modules.get(module).is_some_and(|it| it.bindings.contains_key(name))
    }

    fn lookup(&self, module: &[String], name: &str, depth: usize) -> Meaning {
        let mut meaning = Meaning::default();
        let child = [module, &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            meaning.module = Some(child);
        }
        let Some(scope) = self.modules.get(module) else { return meaning };
        if scope.items.contains(name) {
            meaning.items.insert(scope.file.clone());
            return meaning;
        }
        if let Some(path) = scope.bindings.get(name) {
            // A child module and what it exports may have the same name: `mod migrate; pub use migrate::migrate;`.
            let bound = self.resolve(module, path, depth + 1);
            meaning.items.extend(bound.items);
            meaning.module = meaning.module.or(bound.module);
            return meaning;
        }
        if meaning.module.is_none() {
            for glob in &scope.globs {
                if let Some(from) = self.resolve(module, glob, depth + 1).module.filter(|from| *from != *module) {
                    let found = self.lookup(&from, name, depth + 1);
                    meaning.items.extend(found.items);
                    meaning.module = meaning.module.or(found.module);
                }
            }
        }
        meaning
    }
}

/// `src/a/mod.rs` and `src/a.rs` are `a`; `src/lib.rs` and `src/main.rs` are roots.
fn module_path(file: &str) -> ModulePath {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "lib" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn parent(module: &[String]) -> ModulePath {
    module.split_last().map_or(Vec::new(), |(_, parent)| parent.to_vec())
}

/// Adds a module and the inline modules in it. Code that only tests compile is left out: it may import anything.
fn add(modules: &mut BTreeMap<ModulePath, Module>, path: ModulePath, file: &str, items: &[syn::Item]) {
    let mut module = Module { file: file.to_owned(), ..Module::default() };
    for item in items {
        if is_for_tests(item) {
            continue;
        }
        if let syn::Item::Mod(syn::ItemMod { ident, content, .. }) = item {
            if let Some((_, items)) = content {
                add(modules, [&path[..], &[ident.to_string()]].concat(), file, items);
            }
            continue;
        }
        module.items.extend(name(item));
        module.visit_item(item);
    }
    modules.insert(path, module);
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        let is_test = attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"));
        attribute.path().is_ident("cfg") && is_test
    })
}

fn name(item: &syn::Item) -> Option<String> {
    match item {
        syn::Item::Const(item) => Some(item.ident.to_string()),
        syn::Item::Enum(item) => Some(item.ident.to_string()),
        syn::Item::Fn(item) => Some(item.sig.ident.to_string()),
        syn::Item::Macro(item) => item.ident.as_ref().map(ToString::to_string),
        syn::Item::Static(item) => Some(item.ident.to_string()),
        syn::Item::Struct(item) => Some(item.ident.to_string()),
        syn::Item::Trait(item) => Some(item.ident.to_string()),
        syn::Item::Type(item) => Some(item.ident.to_string()),
        syn::Item::Union(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

impl Module {
    fn refer(&mut self, line: usize, path: Vec<String>) {
        self.references.entry(path).or_insert(line);
    }

    fn bind(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree, is_private: bool) {
        let (name, path) = match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.bind(prefix, &path.tree, is_private);
                prefix.pop();
                return;
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.bind(prefix, tree, is_private));
            }
            syn::UseTree::Glob(_) => return self.globs.push(prefix.clone()),
            syn::UseTree::Name(name) if name.ident == "self" => {
                (prefix.last().cloned().unwrap_or_default(), prefix.clone())
            }
            syn::UseTree::Name(name) => (name.ident.to_string(), [&prefix[..], &[name.ident.to_string()]].concat()),
            syn::UseTree::Rename(name) => (name.rename.to_string(), [&prefix[..], &[name.ident.to_string()]].concat()),
        };
        if is_private {
            self.refer(tree.span().start().line, path.clone());
        }
        self.bindings.insert(name, path);
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        self.bind(&mut Vec::new(), &item.tree, is_private);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.refer(path.span().start().line, segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        for (line, path) in in_macro(&call.tokens) {
            self.refer(line, path);
        }
        visit::visit_macro(self, call);
    }
}
