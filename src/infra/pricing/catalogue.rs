use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use serde::Deserialize;

use crate::{
    app::{PricingError, PricingService, Product},
    domain::Sku,
};

use super::product::{ProductError, by_name, product};

/// The products of a file: a JSON array of `{"sku", "name", "price", "currency"}`. All four are required strings.
#[derive(Clone, Debug)]
pub struct StaticCatalogue {
    products: Arc<BTreeMap<Sku, Product>>,
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("cannot read the catalogue")]
    Unreadable(#[from] io::Error),
    #[error("the catalogue is not an array of {{sku, name, price, currency}}: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("product {number} of the catalogue ({sku:?}): {reason}")]
    Product { number: usize, sku: String, reason: ProductError },
    #[error("the catalogue has {0} twice")]
    Duplicate(Sku),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sku: String,
    name: String,
    price: String,
    currency: String,
}

impl StaticCatalogue {
    /// The products that are part of the program.
    pub fn built_in() -> Result<Self, CatalogueError> {
        Self::parse(include_str!("catalogue.json"))
    }

    pub fn read(path: &Path) -> Result<Self, CatalogueError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(json: &str) -> Result<Self, CatalogueError> {
        let entries: Vec<Entry> = serde_json::from_str(json)?;
        let mut products = BTreeMap::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let Entry { sku, name, price, currency } = entry;
            let product = product(&sku, &name, &price, &currency).map_err(|reason| CatalogueError::Product {
                number: index + 1,
                sku,
                reason,
            })?;
            if let Some(twice) = products.insert(product.sku.clone(), product) {
                return Err(CatalogueError::Duplicate(twice.sku));
            }
        }
        Ok(Self { products: Arc::new(products) })
    }
}

impl PricingService for StaticCatalogue {
    async fn find(&self, skus: &[Sku]) -> Result<Vec<Option<Product>>, PricingError> {
        Ok(skus.iter().map(|sku| self.products.get(sku).cloned()).collect())
    }

    async fn list(&self) -> Result<Vec<Product>, PricingError> {
        Ok(by_name(self.products.values().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_has_its_seventeen_products() {
        let catalogue = StaticCatalogue::built_in().unwrap();
        assert_eq!(catalogue.products.len(), 17);
        let laptop = &catalogue.products[&"LAPTOP123".parse().unwrap()];
        assert_eq!((laptop.name.as_str(), laptop.price.to_string().as_str()), ("Laptop", "999.99"));
    }

    #[test]
    fn a_wrong_catalogue_is_refused_with_the_product_and_the_reason() {
        let refusal = |json: &str| StaticCatalogue::parse(json).unwrap_err().to_string();
        let yen = r#"[{"sku": "LAPTOP123", "name": "Laptop", "price": "999.99", "currency": "JPY"}]"#;
        assert_eq!(refusal(yen), r#"product 1 of the catalogue ("LAPTOP123"): a price in JPY has at most 0 decimals"#);
        let one = r#"{"sku": "LAPTOP123", "name": "Laptop", "price": "1", "currency": "EUR"}"#;
        assert_eq!(refusal(&format!("[{one}, {one}]")), "the catalogue has LAPTOP123 twice");
        assert!(refusal("{}").contains("not an array"));
    }
}
