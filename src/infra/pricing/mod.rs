//! Where products and prices come from.

mod catalogue;

pub use catalogue::{CatalogueError, StaticCatalogue};
