//! The rules of docs/DESIGN.md about layers, subjects and files, checked on the source text.

#[path = "architecture/composition.rs"]
mod composition;
#[path = "architecture/files.rs"]
mod files;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/rings.rs"]
mod rings;
#[path = "architecture/routes.rs"]
mod routes;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/subjects.rs"]
mod subjects;
