use crate::{
    app::Product,
    domain::{Currency, CurrencyError, Price, PriceError, ProductNameError, SkuError},
};

/// Why a product of the catalogue or the pricing service is invalid.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum ProductError {
    Sku(#[from] SkuError),
    Name(#[from] ProductNameError),
    Currency(#[from] CurrencyError),
    Price(#[from] PriceError),
}

pub(super) fn product(sku: &str, name: &str, price: &str, currency: &str) -> Result<Product, ProductError> {
    let currency: Currency = currency.parse()?;
    Ok(Product { sku: sku.parse()?, name: name.parse()?, price: Price::parse(price, currency)? })
}

/// Sorts products as the port requires.
pub(super) fn by_name(products: impl IntoIterator<Item = Product>) -> Vec<Product> {
    let mut products: Vec<Product> = products.into_iter().collect();
    products.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.sku.cmp(&b.sku)));
    products
}
