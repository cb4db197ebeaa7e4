//! The identifiers of a product.

mod product_name;
mod sku;

pub use product_name::{ProductName, ProductNameError};
pub use sku::{Sku, SkuError};
